//! Answers that are too long for memory: they go to a temporary file.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::client::file_client;
use crate::crm::{CrmError, CrmKind};

/// Longest silence of a server in the middle of a file.
const SILENCE_MAX: Duration = Duration::from_mins(2);

/// Largest file that is fetched; Salesforce's own ceiling for one result file is 1 GB.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// A temporary file of this process alone, gone when it is dropped.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
}

impl Spool {
    /// Makes an empty file.
    ///
    /// # Errors
    /// When the temporary directory takes none.
    pub fn new() -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let n = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("concord-{}-{n}.part", std::process::id());
            let path = std::env::temp_dir().join(name);
            match private(&path) {
                Ok(_) => return Ok(Self { path }),
                // Left behind by an earlier process of the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file's content by the body of an answer and returns its bytes.
    pub(super) async fn fill(&self, response: &mut reqwest::Response) -> Result<u64, String> {
        let failed = |error: io::Error| format!("the temporary file cannot be written: {error}");
        let mut file = tokio::fs::File::create(&self.path).await.map_err(failed)?;
        let mut n_bytes = 0_u64;
        loop {
            let next = tokio::time::timeout(SILENCE_MAX, response.chunk());
            let chunk = match next.await {
                Err(_) => return Err("the server fell silent within the file".to_owned()),
                Ok(Err(_)) => return Err("the connection was cut within the file".to_owned()),
                Ok(Ok(None)) => break,
                Ok(Ok(Some(chunk))) => chunk,
            };
            n_bytes += chunk.len() as u64;
            if n_bytes > FILE_BYTES_MAX {
                return Err("the file is too long".to_owned());
            }
            file.write_all(&chunk).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        Ok(n_bytes)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Makes a file that nobody else may read: it holds personal values.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Fetches a file from an address that a vendor's answer named: no token goes there, it is no API
/// call, and it may be fetched again.
///
/// # Errors
/// When the address is not encrypted outside of this machine, or the file does not arrive.
pub async fn download(kind: CrmKind, operation: &str, url: &str) -> Result<Spool, CrmError> {
    let unexpected =
        |message: String| CrmError::Unexpected { kind, operation: operation.to_owned(), message };
    if !url.starts_with("https://") && !super::is_loopback(url) {
        return Err(unexpected("the file's address is not encrypted".to_owned()));
    }
    let unreachable = |error: reqwest::Error| CrmError::Unreachable {
        kind,
        // The whole address is as good as a password.
        address: url
            .split('?')
            .next()
            .and_then(|url| url.split('/').nth(2))
            .unwrap_or("")
            .to_owned(),
        source: Box::new(error.without_url()),
    };
    let client = file_client(url).map_err(unreachable)?;
    let mut response = client.get(url).send().await.map_err(unreachable)?;
    if !response.status().is_success() {
        return Err(unexpected(format!(
            "the file's address answers {}",
            response.status().as_u16()
        )));
    }
    let spool = Spool::new().map_err(|error| unexpected(error.to_string()))?;
    spool.fill(&mut response).await.map_err(unexpected)?;
    Ok(spool)
}

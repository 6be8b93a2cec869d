//! Where a secret lies; it is fetched when it is needed and never kept in a project.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use thiserror::Error;

/// Longest that a helper may take, since it may ask a person or a server of its own.
const HELPER_TIMEOUT: Duration = Duration::from_mins(1);

/// How often it is looked whether a helper that closed its output has ended.
const HELPER_POLL: Duration = Duration::from_millis(10);

/// Most that a helper may print; keys are a few kilobytes.
const HELPER_BYTES_MAX: u64 = 64 * 1024;

/// The source of a secret value: `{ env = "…" }`, `{ file = "…" }` or `{ command = ["…"] }`.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// An environment variable.
    Env(String),
    /// A file, relative to the project; white space around its content is dropped.
    File(PathBuf),
    /// A helper program and its arguments, run in the project without a shell; the first line it
    /// prints counts, or all of them where a key is asked for.
    Command(Vec<String>),
    /// A value made by the program itself, such as the sandbox's token. No file can hold one.
    Known(SecretValue),
}

/// A secret in hand. It has no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

/// What kept a secret from being fetched; never carries the secret.
#[derive(Debug, Error)]
pub enum SecretError {
    #[error("environment variable is not set: `{name}`")]
    EnvMissing { name: String },
    #[error("cannot read secret file: `{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot run secret helper: `{program}`")]
    Command {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("secret helper ended with {status}: `{program}`")]
    CommandFailed { program: String, status: String },
    #[error("secret helper did not end within {seconds} s: `{program}`")]
    CommandTimedOut { program: String, seconds: u64 },
    #[error("secret is blank: {place}")]
    Blank { place: String },
}

impl SecretValue {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the secret itself; every call is a place to look at.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl Secret {
    /// Fetches the value: one line.
    ///
    /// # Errors
    /// When the variable, file or helper is missing, fails or yields a blank.
    pub fn resolve(&self, project_dir: &Path) -> Result<SecretValue, SecretError> {
        let text = self.read(project_dir)?;
        match self {
            Self::Command(_) => self.trimmed(text.lines().next().unwrap_or_default()),
            Self::Env(_) | Self::File(_) | Self::Known(_) => self.trimmed(&text),
        }
    }

    /// Fetches a value of many lines, such as a key.
    ///
    /// # Errors
    /// As [`Secret::resolve`].
    pub fn resolve_lines(&self, project_dir: &Path) -> Result<SecretValue, SecretError> {
        self.trimmed(&self.read(project_dir)?)
    }

    fn read(&self, project_dir: &Path) -> Result<String, SecretError> {
        match self {
            Self::Env(name) => {
                read_variable(name).ok_or_else(|| SecretError::EnvMissing { name: name.clone() })
            }
            Self::File(path) => std::fs::read_to_string(project_dir.join(path))
                .map_err(|source| SecretError::File { path: path.clone(), source }),
            Self::Command(words) => run_helper(words, project_dir, HELPER_TIMEOUT),
            Self::Known(value) => Ok(value.expose().to_owned()),
        }
    }

    fn trimmed(&self, text: &str) -> Result<SecretValue, SecretError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SecretError::Blank { place: self.to_string() });
        }
        Ok(SecretValue::new(text))
    }
}

/// Says where the secret lies, never what it is.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable `{name}`"),
            Self::File(path) => write!(f, "file `{}`", path.display()),
            Self::Command(words) => {
                write!(f, "helper `{}`", words.first().map_or("", String::as_str))
            }
            Self::Known(_) => f.write_str("made by the sandbox"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl SecretError {
    /// Says what a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::EnvMissing { name } => {
                format!("set `{name}` for this command, or point at a file or helper instead")
            }
            Self::File { .. } => "paths of secret files are relative to the project".to_owned(),
            Self::Command { .. } | Self::CommandFailed { .. } | Self::CommandTimedOut { .. } => {
                "the helper must print the secret on its first line and end with 0; run it by hand to see what it says, for that is never shown here".to_owned()
            }
            Self::Blank { .. } => "a blank secret is never sent".to_owned(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads secrets from variables")]
fn read_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Runs the helper and returns what it printed. What it says on standard error is dropped, because
/// that may hold the secret as well.
fn run_helper(
    words: &[String],
    project_dir: &Path,
    timeout: Duration,
) -> Result<String, SecretError> {
    let program = words.first().cloned().unwrap_or_default();
    let failed = |source| SecretError::Command { program: program.clone(), source };
    let mut child = Command::new(&program)
        .args(words.iter().skip(1))
        .current_dir(project_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let (sender, printed) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.take(HELPER_BYTES_MAX).read_to_end(&mut bytes);
            // Nobody listens any more when the time is over.
            let _ = sender.send(read.map(|_| bytes));
        });
    }
    let deadline = Instant::now() + timeout;
    let read = printed.recv_timeout(timeout);
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) if read.is_ok() => break status,
            _ if Instant::now() < deadline => std::thread::sleep(HELPER_POLL),
            _ => {
                // A helper that has ended meanwhile cannot be stopped, and need not be.
                let _ = child.kill();
                let _ = child.wait();
                return Err(SecretError::CommandTimedOut { program, seconds: timeout.as_secs() });
            }
        }
    };
    let bytes = read.unwrap_or_else(|_| Ok(Vec::new())).map_err(failed)?;
    if !status.success() {
        let status = status.to_string();
        return Err(SecretError::CommandFailed { program, status });
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_itself() {
        let known = Secret::Known(SecretValue::new("pat-na1-abc"));
        assert!(!format!("{known:?} {known}").contains("pat-na1"));
        assert_eq!(format!("{:?}", SecretValue::new("pat-na1-abc")), "[REDACTED]");
    }

    #[test]
    fn a_file_is_read_at_the_last_moment_and_trimmed() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let secret = Secret::File("token".into());
        assert!(matches!(secret.resolve(dir.path()), Err(SecretError::File { .. })));
        std::fs::write(dir.path().join("token"), "abc\n")?;
        assert_eq!(secret.resolve(dir.path())?.expose(), "abc");
        std::fs::write(dir.path().join("token"), " \n")?;
        assert!(matches!(secret.resolve(dir.path()), Err(SecretError::Blank { .. })));
        Ok(())
    }

    #[test]
    fn a_helper_prints_the_secret_on_its_first_line() -> anyhow::Result<()> {
        let words = ["sh", "-c", "echo abc; echo note"].map(str::to_owned).to_vec();
        assert_eq!(Secret::Command(words).resolve(Path::new("."))?.expose(), "abc");
        let words = ["sh", "-c", "echo abc; echo note"].map(str::to_owned).to_vec();
        assert_eq!(Secret::Command(words).resolve_lines(Path::new("."))?.expose(), "abc\nnote");
        let words = ["sh", "-c", "echo abc; exit 3"].map(str::to_owned).to_vec();
        let refused = Secret::Command(words).resolve(Path::new("."));
        assert!(matches!(refused, Err(SecretError::CommandFailed { .. })));
        Ok(())
    }

    #[test]
    fn a_helper_that_does_not_end_is_stopped() {
        let words = ["sleep", "600"].map(str::to_owned);
        let refused = run_helper(&words, Path::new("."), Duration::from_millis(20));
        assert!(matches!(refused, Err(SecretError::CommandTimedOut { .. })), "{refused:?}");
    }
}

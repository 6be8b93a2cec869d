//! Rows of a downloaded CSV file, a few thousand at a time, whatever the file's size.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use csv::StringRecord;
use tokio::sync::mpsc;

use super::transport::Spool;

/// Rows handed over together.
pub const ROWS_PER_CHUNK: usize = 1_000;

const CHUNKS_WAITING_MAX: usize = 2;

/// How a zip archive begins.
const ZIP: [u8; 4] = *b"PK\x03\x04";

/// Chunks of a file's rows, the header first in a chunk of its own, or what is wrong with the file.
pub type Chunks = mpsc::Receiver<Result<Vec<StringRecord>, String>>;

/// Reads a file on a thread of its own; a zip archive is read for the first file in it.
pub fn read(spool: Spool) -> Chunks {
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        if let Err(message) = read_file(&spool, &sender) {
            // A reader that is gone wants no message either.
            let _ = sender.blocking_send(Err(message));
        }
    });
    receiver
}

type Sender = mpsc::Sender<Result<Vec<StringRecord>, String>>;

fn read_file(spool: &Spool, sender: &Sender) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the file cannot be read: {error}");
    let mut file = File::open(spool.path()).map_err(failed)?;
    let mut start = [0; ZIP.len()];
    let n_read = file.read(&mut start).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    if n_read < start.len() || start != ZIP {
        return read_csv(file, sender);
    }
    let broken = |_| "the file is a damaged archive".to_owned();
    let mut archive = zip::ZipArchive::new(file).map_err(broken)?;
    let entry = archive.by_index(0).map_err(broken)?;
    read_csv(entry, sender)
}

fn read_csv(file: impl Read, sender: &Sender) -> Result<(), String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file);
    let mut chunk = Vec::with_capacity(1);
    let mut n_wanted = 1;
    let mut record = StringRecord::new();
    // The parser's message may quote a value; its place says enough.
    while reader.read_record(&mut record).map_err(|error| {
        format!("line {} is not CSV", error.position().map_or(0, csv::Position::line))
    })? {
        chunk.push(record.clone());
        if chunk.len() == n_wanted {
            n_wanted = ROWS_PER_CHUNK;
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(n_wanted));
            if sender.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
    }
    if !chunk.is_empty() {
        let _ = sender.blocking_send(Ok(chunk));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    async fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
        let spool = Spool::new().expect("a temporary file");
        std::fs::write(spool.path(), bytes).expect("written");
        let mut chunks = read(spool);
        let mut rows = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            let records = chunk.expect("the file is CSV");
            rows.extend(records.iter().map(|r| r.iter().map(str::to_owned).collect::<Vec<_>>()));
        }
        rows
    }

    #[tokio::test]
    async fn a_plain_file_and_an_archive_have_the_same_rows() {
        let csv = "\"id\",\"note\"\n\"1\",\"a \"\"b\"\"\nnext line\"\n\"2\",\"\"\n";
        let mut zipped = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        zipped
            .start_file("export.csv", zip::write::SimpleFileOptions::default())
            .expect("a file is begun");
        zipped.write_all(csv.as_bytes()).expect("written");
        let zipped = zipped.finish().expect("the archive ends").into_inner();
        let expect = [["id", "note"], ["1", "a \"b\"\nnext line"], ["2", ""]];
        assert_eq!(rows(csv.as_bytes()).await, expect);
        assert_eq!(rows(&zipped).await, expect);
    }
}

//! The request log: one row for each time that a request was sent, with nothing in it that was
//! asked or answered.
//!
//! Rows are kept until a part is full, the stage changes or the run ends, and then put as
//! `runs/<run>/requests/<n>.parquet`; a process that is killed loses those of its last part. Parts
//! are put only where no file is, so that a run continued by another process adds to its log.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use jiff::Timestamp;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinSet};

use super::Now;
use crate::warehouse::{Warehouse, WarehouseError};

/// Rows of one part; bounds what is held, and what a killed process loses.
const ROWS_PER_PART: usize = 1_000;

/// Full parts being put at once; rows that come while the store takes none are lost, and counted.
const PARTS_UNDER_WAY_MAX: usize = 8;

/// Directory of a run that holds its parts.
const DIRECTORY: &str = "requests";

const UTC: &str = "UTC";

/// The log of one process; clones share it.
#[derive(Clone)]
pub struct RequestLog {
    warehouse: Warehouse,
    now: Now,
    /// Number of the last part that was tried.
    part: Arc<AtomicU32>,
    state: Arc<Mutex<State>>,
}

/// The log as one connection writes it.
#[derive(Clone, Debug)]
pub struct ConnectionLog {
    log: RequestLog,
    connection: String,
}

#[derive(Default)]
struct State {
    run: String,
    stage: String,
    rows: Vec<Row>,
    under_way: JoinSet<Result<(), WarehouseError>>,
    failed: Option<WarehouseError>,
    n_lost: u64,
}

/// One sending, as the transport knows it.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    /// Endpoint family in words: `contacts batch update`.
    pub family: String,
    pub method: String,
    /// `None` when no whole answer came.
    pub status: Option<u16>,
    /// What the answer meant, in a word.
    pub verdict: &'static str,
    pub ms: u64,
    /// Bytes of the request's body.
    pub bytes_out: u64,
    /// Bytes of the answer's body as it was read, after decompression.
    pub bytes_in: u64,
    /// 1 for the first time that the request was sent.
    pub tries: u32,
    /// Calls left to the run afterwards; `None` where nothing limits it.
    pub calls_left: Option<u64>,
    pub sent_at: Timestamp,
}

struct Row {
    connection: String,
    run: String,
    stage: String,
    sending: Sending,
}

impl RequestLog {
    pub fn new(warehouse: Warehouse, now: Now) -> Self {
        Self { warehouse, now, part: Arc::default(), state: Arc::default() }
    }

    /// Returns the log for a connection's transport.
    pub fn of(&self, connection: &str) -> ConnectionLog {
        ConnectionLog { log: self.clone(), connection: connection.to_owned() }
    }

    /// Names the run whose calls follow.
    pub fn begin_run(&self, run: &str) {
        run.clone_into(&mut self.state().run);
    }

    /// Names the stage whose calls follow, in the words of the run log, and puts the rows so far.
    ///
    /// # Errors
    /// As [`RequestLog::flush`].
    pub async fn begin_stage(&self, stage: &str) -> Result<(), WarehouseError> {
        self.flush().await?;
        stage.clone_into(&mut self.state().stage);
        Ok(())
    }

    /// Puts every row so far.
    ///
    /// # Errors
    /// When a part could not be put, now or since the last time; its rows are lost.
    pub async fn flush(&self) -> Result<(), WarehouseError> {
        let mut under_way = {
            let mut state = self.state();
            self.put_rows(&mut state);
            std::mem::take(&mut state.under_way)
        };
        while let Some(part) = under_way.join_next().await {
            self.state().take_note(part);
        }
        let mut state = self.state();
        let n_lost = std::mem::take(&mut state.n_lost);
        if n_lost > 0 {
            tracing::error!(n_lost, "the store was too slow for the request log");
        }
        state.failed.take().map_or(Ok(()), Err)
    }

    fn note(&self, connection: &str, sending: Sending) {
        let mut state = self.state();
        let (run, stage) = (state.run.clone(), state.stage.clone());
        state.rows.push(Row { connection: connection.to_owned(), run, stage, sending });
        if state.rows.len() >= ROWS_PER_PART {
            self.put_rows(&mut state);
        }
    }

    /// Lets a task of its own put the rows, so that a caller who gives up halfway loses none.
    fn put_rows(&self, state: &mut State) {
        while let Some(part) = state.under_way.try_join_next() {
            state.take_note(part);
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let rows = std::mem::take(&mut state.rows);
        let Some(first) = rows.first() else { return };
        if state.under_way.len() >= PARTS_UNDER_WAY_MAX {
            state.n_lost += rows.len() as u64;
            return;
        }
        let directory = format!("runs/{}/{DIRECTORY}", first.run);
        let (warehouse, part) = (self.warehouse.clone(), Arc::clone(&self.part));
        let put = async move {
            let bytes = encode(&rows)
                .map_err(|source| WarehouseError::Parquet { path: directory.clone(), source })?;
            loop {
                let n = part.fetch_add(1, Ordering::SeqCst) + 1;
                let path = format!("{directory}/{n:05}.parquet");
                if warehouse.create_file(&path, bytes.clone()).await? {
                    return Ok(());
                }
            }
        };
        state.under_way.spawn_on(put, &runtime);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Keeps the first failure; a task breaks off only with the whole runtime.
    fn take_note(&mut self, part: Result<Result<(), WarehouseError>, JoinError>) {
        if let Ok(Err(error)) = part {
            self.failed.get_or_insert(error);
        }
    }
}

impl fmt::Debug for RequestLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestLog")
    }
}

impl ConnectionLog {
    pub(super) fn now(&self) -> Timestamp {
        self.log.now.tell()
    }

    pub(super) fn note(&self, sending: Sending) {
        self.log.note(&self.connection, sending);
    }
}

/// Lists the log's files of all runs, oldest first.
///
/// # Errors
/// When the warehouse cannot be listed.
pub async fn request_files(warehouse: &Warehouse) -> Result<Vec<String>, WarehouseError> {
    let is_part = |path: &String| {
        path.ends_with(".parquet") && path.split('/').nth(2).is_some_and(|name| name == DIRECTORY)
    };
    Ok(warehouse.list("runs").await?.into_iter().filter(is_part).collect())
}

/// Returns the columns of `ops.requests`.
pub fn request_schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let number = |name: &str, is_nullable| Field::new(name, DataType::Int64, is_nullable);
    Arc::new(Schema::new(vec![
        text("connection"),
        text("run_id"),
        text("stage"),
        text("family"),
        text("method"),
        number("status", true),
        text("verdict"),
        number("ms", false),
        number("bytes_out", false),
        number("bytes_in", false),
        number("try", false),
        number("calls_left", true),
        Field::new("sent_at", DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())), false),
    ]))
}

fn encode(rows: &[Row]) -> Result<Vec<u8>, ParquetError> {
    let text = |get: fn(&Row) -> &str| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(get(row))).collect::<StringArray>())
    };
    let number = |get: fn(&Sending) -> Option<u64>| -> ArrayRef {
        let clamped = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Arc::new(rows.iter().map(|row| get(&row.sending).map(clamped)).collect::<Int64Array>())
    };
    let sent_at = rows.iter().map(|row| Some(row.sending.sent_at.as_microsecond()));
    let columns: Vec<ArrayRef> = vec![
        text(|row| &row.connection),
        text(|row| &row.run),
        text(|row| &row.stage),
        text(|row| &row.sending.family),
        text(|row| &row.sending.method),
        number(|sending| sending.status.map(u64::from)),
        text(|row| row.sending.verdict),
        number(|sending| Some(sending.ms)),
        number(|sending| Some(sending.bytes_out)),
        number(|sending| Some(sending.bytes_in)),
        number(|sending| Some(u64::from(sending.tries))),
        number(|sending| sending.calls_left),
        Arc::new(sent_at.collect::<TimestampMicrosecondArray>().with_timezone(UTC)),
    ];
    let batch = RecordBatch::try_new(request_schema(), columns)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sending(tries: u32) -> Sending {
        Sending {
            family: "contacts list".to_owned(),
            method: "GET".to_owned(),
            status: None,
            verdict: "lost",
            ms: 3,
            bytes_out: 0,
            bytes_in: 10,
            tries,
            calls_left: None,
            sent_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn parts_are_bounded_and_a_second_process_adds_its_own() -> anyhow::Result<()> {
        let directory = tempfile::tempdir()?;
        let warehouse = Warehouse::open("file://./w", directory.path())?;
        let log = || RequestLog::new(warehouse.clone(), Now::new(|| Timestamp::UNIX_EPOCH));
        let first = log();
        first.begin_run("r1");
        first.begin_stage("pull hubspot").await?;
        for tries in 0..=1_000 {
            first.of("hubspot").note(sending(tries));
        }
        first.flush().await?;
        let second = log();
        second.begin_run("r1");
        second.of("salesforce").note(sending(1));
        second.flush().await?;
        second.flush().await?;
        let files = request_files(&warehouse).await?;
        let mut rows = Vec::new();
        for file in &files {
            let batches = warehouse.read_parquet(file).await?;
            rows.push(batches.iter().map(RecordBatch::num_rows).sum::<usize>());
            assert!(batches.iter().all(|batch| batch.schema() == request_schema()));
        }
        rows.sort_unstable();
        assert_eq!(rows, [1, 1, 1_000], "{files:?}");
        Ok(())
    }

    #[tokio::test]
    async fn a_part_that_cannot_be_put_is_told() -> anyhow::Result<()> {
        let directory = tempfile::tempdir()?;
        let warehouse = Warehouse::open("file://./w", directory.path())?;
        std::fs::write(directory.path().join("w/runs"), "no directory")?;
        let log = RequestLog::new(warehouse, Now::new(|| Timestamp::UNIX_EPOCH));
        log.begin_run("r1");
        log.of("hubspot").note(sending(1));
        assert!(log.flush().await.is_err());
        assert!(log.flush().await.is_ok(), "it is told once");
        Ok(())
    }
}

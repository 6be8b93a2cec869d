//! One pull: metadata, extractions side by side, the proof, the manifest.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::{StreamExt, TryStreamExt};
use tokio::sync::{Mutex, mpsc};

use super::landing::{Landing, OpenPart};
use super::manifest::VERSION;
use super::part::Stamp;
use super::{Manifest, PullError, complete, schema_files};
use crate::crm::{CallCounts, Crm, Extracted, Extraction, ObjectRequest, Page};
use crate::warehouse::Warehouse;

/// Pages of one extraction that may wait to be written.
const PAGES_WAITING_MAX: usize = 4;

/// How a pull runs.
#[derive(Clone, Debug)]
pub struct PullOptions {
    pub snapshot_id: String,
    pub pulled_at: jiff::Timestamp,
    /// Extractions walked at the same time.
    pub parallel_extractions: usize,
    /// Least share of the previous snapshot's records that must be read again.
    pub min_rows_share: f64,
    /// Set from outside to stop before the next page.
    pub cancel: Arc<AtomicBool>,
}

impl PullOptions {
    pub fn new(snapshot_id: impl Into<String>, pulled_at: jiff::Timestamp) -> Self {
        Self {
            snapshot_id: snapshot_id.into(),
            pulled_at,
            parallel_extractions: 4,
            min_rows_share: 0.9,
            cancel: Arc::new(AtomicBool::new(false)),
        }
    }

    fn check_cancel(&self) -> Result<(), PullError> {
        if self.cancel.load(Ordering::Relaxed) { Err(PullError::Cancelled) } else { Ok(()) }
    }
}

/// Hears how a pull gets on.
pub trait PullProgress: Send + Sync {
    fn started(&self, extraction: &str);
    /// `n_records` more of the extraction's own records have come in.
    fn advanced(&self, extraction: &str, n_records: u64);
    fn finished(&self, extraction: &str, n_records: u64);
}

/// For callers who do not listen.
pub struct NoProgress;

impl PullProgress for NoProgress {
    fn started(&self, _extraction: &str) {}
    fn advanced(&self, _extraction: &str, _n_records: u64) {}
    fn finished(&self, _extraction: &str, _n_records: u64) {}
}

/// What all extractions of a pull share.
struct Run<'a> {
    connection: &'a str,
    crm: &'a dyn Crm,
    warehouse: &'a Warehouse,
    options: &'a PullOptions,
    progress: &'a dyn PullProgress,
    landings: BTreeMap<String, Mutex<Landing>>,
}

/// Reads `objects` of one CRM in full and lands them as a snapshot.
///
/// # Errors
/// When anything cannot be read in full or proven so; then no snapshot exists.
pub async fn pull(
    connection: &str,
    crm: &dyn Crm,
    objects: &[ObjectRequest],
    warehouse: &Warehouse,
    options: &PullOptions,
    progress: &dyn PullProgress,
) -> Result<Manifest, PullError> {
    let path = Manifest::path(connection, &options.snapshot_id);
    if warehouse.get_json::<Manifest>(&path).await?.is_some() {
        return Err(PullError::Exists { snapshot_id: options.snapshot_id.clone() });
    }
    let calls_before = crm.calls();
    let previous = Manifest::latest(warehouse, connection).await?;
    let metadata_error = |source| PullError::Metadata { connection: connection.to_owned(), source };
    let account = crm.account().await.map_err(metadata_error)?;
    let names: Vec<String> = objects.iter().map(|request| request.object.clone()).collect();
    let schema = crm.schema(&names).await.map_err(metadata_error)?;
    if let Some(object) = names.iter().find(|name| schema.object(name).is_none()) {
        return Err(PullError::NotVisible { object: object.clone() });
    }
    let lost_fields = match &previous {
        Some(previous) => {
            complete::lost_fields(&previous.read_schema(warehouse).await?, &schema, &names)
        }
        None => Vec::new(),
    };
    options.check_cancel()?;
    schema_files::write(warehouse, connection, &options.snapshot_id, &schema).await?;

    let extractions = crm.extractions(objects, &schema);
    let stamp = Stamp { snapshot_id: options.snapshot_id.clone(), pulled_at: options.pulled_at };
    let mut landings = BTreeMap::new();
    for table in extractions.iter().flat_map(|extraction| &extraction.tables) {
        landings
            .entry(table.name.clone())
            .or_insert_with(|| Mutex::new(Landing::new(connection, table, &stamp)));
    }
    let run = Run { connection, crm, warehouse, options, progress, landings };
    futures::stream::iter(with_ordinals(&extractions))
        .map(|(extraction, parts)| run_extraction(&run, extraction, parts))
        .buffer_unordered(options.parallel_extractions.max(1))
        .try_collect::<Vec<()>>()
        .await?;

    let mut tables = Vec::with_capacity(run.landings.len());
    for landing in run.landings.into_values() {
        tables.push(landing.into_inner().finish(warehouse).await?);
    }
    let record_tables: HashSet<&str> = extractions
        .iter()
        .filter_map(|extraction| extraction.tables.first())
        .map(|table| table.name.as_str())
        .collect();
    if let Some(previous) = &previous {
        let is_record_table = |name: &str| record_tables.contains(name);
        complete::check_previous(&tables, is_record_table, previous, options.min_rows_share)?;
    }
    options.check_cancel()?;
    let manifest = Manifest {
        version: VERSION,
        connection: connection.to_owned(),
        kind: crm.kind(),
        account,
        snapshot_id: options.snapshot_id.clone(),
        pulled_at: options.pulled_at,
        tables,
        calls: calls_since(calls_before, crm.calls()),
        lost_fields,
    };
    if !warehouse.create_json(&path, &manifest).await? {
        return Err(PullError::Exists { snapshot_id: options.snapshot_id.clone() });
    }
    Ok(manifest)
}

/// Gives each extraction its place among those that fill the same table.
fn with_ordinals(extractions: &[Extraction]) -> Vec<(&Extraction, Vec<OpenPart>)> {
    let mut n_before: HashMap<&str, usize> = HashMap::new();
    extractions
        .iter()
        .map(|extraction| {
            let parts = extraction
                .tables
                .iter()
                .map(|table| {
                    let count = n_before.entry(table.name.as_str()).or_default();
                    let part = OpenPart::new(*count);
                    *count += 1;
                    part
                })
                .collect();
            (extraction, parts)
        })
        .collect()
}

async fn run_extraction(
    run: &Run<'_>,
    extraction: &Extraction,
    mut parts: Vec<OpenPart>,
) -> Result<(), PullError> {
    run.progress.started(&extraction.name);
    let (sender, receiver) = mpsc::channel(PAGES_WAITING_MAX);
    let (extracted, landed) = tokio::join!(
        run.crm.extract(extraction, sender),
        land_pages(run, extraction, &mut parts, receiver),
    );
    // When landing failed, the walk ended because nobody listened; that is the lesser news.
    landed?;
    let extracted: Extracted = extracted.map_err(|source| PullError::Extraction {
        connection: run.connection.to_owned(),
        extraction: extraction.name.clone(),
        source,
    })?;
    complete::check_total(&extraction.name, &extracted)?;
    for (index, (table, part)) in extraction.tables.iter().zip(&mut parts).enumerate() {
        let Some(landing) = run.landings.get(&table.name) else { continue };
        let mut landing = landing.lock().await;
        landing.finish_part(run.warehouse, part).await?;
        if index == 0 {
            landing.set_vendor_total(extracted.vendor_total);
        }
    }
    run.progress.finished(&extraction.name, extracted.n_records);
    Ok(())
}

async fn land_pages(
    run: &Run<'_>,
    extraction: &Extraction,
    parts: &mut [OpenPart],
    mut receiver: mpsc::Receiver<Page>,
) -> Result<(), PullError> {
    while let Some(page) = receiver.recv().await {
        run.options.check_cancel()?;
        let n_rows = page.rows.len() as u64;
        let table = extraction.tables.get(page.table);
        let landing = table.and_then(|table| run.landings.get(&table.name));
        let (Some(landing), Some(part)) = (landing, parts.get_mut(page.table)) else { continue };
        landing.lock().await.land(run.warehouse, part, &extraction.name, page.rows).await?;
        if page.table == 0 {
            run.progress.advanced(&extraction.name, n_rows);
        }
    }
    run.options.check_cancel()
}

fn calls_since(before: CallCounts, after: CallCounts) -> CallCounts {
    CallCounts {
        fixed: after.fixed - before.fixed,
        read: after.read - before.read,
        write: after.write - before.write,
        retry: after.retry - before.retry,
    }
}

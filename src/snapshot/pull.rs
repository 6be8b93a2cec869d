//! One pull: metadata, extractions side by side, the proof, the manifest.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::choice::Choice;
use super::journal::{self, Journal, Progress};
use super::landing::{self, Landing, Part};
use super::manifest::VERSION;
use super::part::Stamp;
use super::prepare::{self, Entry, Prepared};
use super::settle::settle;
use super::{Manifest, PullError, TableManifest, carry, complete, schema_files};
use crate::crm::price::ASSOCIATIONS_PER_READ;
use crate::crm::{CallCounts, Crm, CrmError, Extraction, ObjectRequest, Step, Table, Way};
use crate::warehouse::Warehouse;

/// Steps of one walk that may wait to be written.
const STEPS_WAITING_MAX: usize = 4;

/// How a pull runs.
#[derive(Clone, Debug)]
pub struct PullOptions {
    pub snapshot_id: String,
    pub pulled_at: Timestamp,
    /// Walks at the same time.
    pub parallel_extractions: usize,
    /// Least share of the previous snapshot's records that must be read again.
    pub min_rows_share: f64,
    /// Ways that are to be gone whatever they cost, by object.
    pub ways: BTreeMap<String, Way>,
    /// Objects may be built from the previous snapshot and what changed since.
    pub incremental: bool,
    /// An object that was not read in full for so long is.
    pub full_after: SignedDuration,
    /// A broken pull not older than this is gone on with.
    pub continue_within: SignedDuration,
    /// Pulls that began before are not gone on with: somebody, we ourselves, wrote to the CRM.
    pub untouched_since: Option<Timestamp>,
    /// Names of the fields that the project maps or its models speak of, of any object.
    pub used_fields: BTreeSet<String>,
    /// Set from outside to stop before the next page.
    pub cancel: Arc<AtomicBool>,
}

impl PullOptions {
    pub fn new(snapshot_id: impl Into<String>, pulled_at: Timestamp) -> Self {
        Self {
            snapshot_id: snapshot_id.into(),
            pulled_at,
            parallel_extractions: 4,
            min_rows_share: 0.9,
            ways: BTreeMap::new(),
            incremental: false,
            full_after: SignedDuration::from_hours(7 * 24),
            continue_within: SignedDuration::from_hours(12),
            untouched_since: None,
            used_fields: BTreeSet::new(),
            cancel: Arc::new(AtomicBool::new(false)),
        }
    }

    pub(super) fn check_cancel(&self) -> Result<(), PullError> {
        if self.cancel.load(Ordering::Relaxed) { Err(PullError::Cancelled) } else { Ok(()) }
    }
}

/// Hears how a pull gets on.
pub trait PullProgress: Send + Sync {
    /// The pull goes on where the one that made this snapshot's first pages broke.
    fn continued(&self, _snapshot_id: &str) {}
    /// Each extraction's way is chosen; nothing has been read yet.
    fn chosen(&self, _choices: &[&Choice]) {}
    /// An extraction's way led nowhere, and it goes another.
    fn turned(&self, _choice: &Choice) {}
    fn started(&self, _extraction: &str) {}
    /// `n_records` more of the extraction's own records have come in.
    fn advanced(&self, _extraction: &str, _n_records: u64) {}
    fn finished(&self, _extraction: &str, _n_records: u64) {}
}

/// For callers who do not listen.
pub struct NoProgress;

impl PullProgress for NoProgress {}

/// What all walks of a pull share.
struct Run<'a> {
    connection: &'a str,
    crm: &'a dyn Crm,
    warehouse: &'a Warehouse,
    options: &'a PullOptions,
    progress: &'a dyn PullProgress,
    journal: Journal<'a>,
    stamp: Stamp,
    previous: Option<&'a Manifest>,
    /// One of the walks failed, and the others are to stop where they can be gone on with.
    has_failed: AtomicBool,
}

/// One extraction under way.
struct Reading {
    number: usize,
    entry: Entry,
    ordinals: Vec<usize>,
    landings: Vec<Landing>,
    place: Option<String>,
    finished: Option<crate::crm::Extracted>,
    is_carried: bool,
}

/// Says how a pull would go, without reading a page or writing anything.
///
/// # Errors
/// As [`pull`], for what comes before the first page.
pub async fn survey(
    connection: &str,
    crm: &dyn Crm,
    objects: &[ObjectRequest],
    warehouse: &Warehouse,
    options: &PullOptions,
) -> Result<Vec<Choice>, PullError> {
    let prepared = prepare::prepare(connection, crm, objects, warehouse, options).await?;
    Ok(prepared.entries.into_iter().map(|entry| entry.choice).collect())
}

/// Reads `objects` of one CRM in full and lands them as a snapshot, or goes on with a broken pull
/// of the same.
///
/// # Errors
/// When anything cannot be read in full or proven so; then no snapshot exists, and what was read
/// can be gone on with.
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
    let prepared = prepare::prepare(connection, crm, objects, warehouse, options).await?;
    let Prepared { account, schema, lost_fields, previous, begun, is_continued, entries } =
        prepared;
    if is_continued {
        progress.continued(&begun.snapshot_id);
    }
    progress.chosen(&entries.iter().map(|entry| &entry.choice).collect::<Vec<_>>());
    schema_files::write(warehouse, connection, &begun.snapshot_id, &schema).await?;
    let journal = Journal::new(warehouse, connection, &begun.snapshot_id);
    journal.begin(&begun).await?;
    let stamp = Stamp { snapshot_id: begun.snapshot_id.clone(), pulled_at: begun.pulled_at };
    let run = Run {
        connection,
        crm,
        warehouse,
        options,
        progress,
        journal,
        stamp,
        previous: previous.as_ref().filter(|previous| previous.account.id == account.id),
        has_failed: AtomicBool::new(false),
    };
    let ordinals = prepare::ordinals(&entries);
    let mut readings: Vec<Reading> = entries
        .into_iter()
        .zip(ordinals)
        .enumerate()
        .map(|(number, (entry, ordinals))| run.open(number, entry, ordinals))
        .collect();
    run.read_all(&mut readings).await?;

    let tables = run.settle_all(&readings).await?;
    if let Some(previous) = &previous {
        let record_tables: HashSet<&str> = readings
            .iter()
            .filter_map(|reading| reading.entry.extraction.tables.first())
            .map(|table| table.name.as_str())
            .collect();
        let is_record_table = |name: &str| record_tables.contains(name);
        let share = options.min_rows_share;
        if let Err(shrunk) = complete::check_previous(&tables, is_record_table, previous, share) {
            // What is missing was not there to be read; the next pull looks again.
            run.journal.forget().await?;
            return Err(shrunk);
        }
    }
    options.check_cancel()?;
    let manifest = Manifest {
        version: VERSION,
        connection: connection.to_owned(),
        kind: crm.kind(),
        account,
        snapshot_id: begun.snapshot_id.clone(),
        pulled_at: begun.pulled_at,
        tables,
        calls: calls_since(calls_before, crm.calls()),
        exports: readings.iter().map(|reading| reading.entry.choice.price().exports).sum(),
        lost_fields,
    };
    let path = Manifest::path(connection, &manifest.snapshot_id);
    if !warehouse.create_json(&path, &manifest).await? {
        return Err(PullError::Exists { snapshot_id: manifest.snapshot_id });
    }
    clear(warehouse, &manifest).await?;
    Ok(manifest)
}

/// Deletes what belongs to no snapshot: notes, files of broken pulls, files that others replaced.
async fn clear(warehouse: &Warehouse, manifest: &Manifest) -> Result<(), PullError> {
    let Manifest { connection, snapshot_id, .. } = manifest;
    journal::clear(warehouse, connection, snapshot_id).await?;
    for table in &manifest.tables {
        let directory = landing::directory(connection, &table.name, snapshot_id);
        for path in warehouse.list(&directory).await? {
            if !table.files.contains(&path) {
                warehouse.delete(&path).await?;
            }
        }
    }
    Ok(())
}

impl Run<'_> {
    /// Opens an extraction where a broken pull left it, or at its beginning.
    fn open(&self, number: usize, entry: Entry, ordinals: Vec<usize>) -> Reading {
        let progress = entry.progress.clone();
        let mut parts =
            progress.as_ref().map(|progress| progress.parts.clone()).unwrap_or_default();
        parts.resize_with(entry.extraction.tables.len(), Vec::new);
        let landings = self.landings(&entry.extraction, &ordinals, parts);
        Reading {
            number,
            ordinals,
            landings,
            place: progress.as_ref().and_then(|progress| progress.place.clone()),
            finished: progress.as_ref().and_then(|progress| progress.finished.clone()),
            is_carried: progress.is_some_and(|progress| progress.is_carried),
            entry,
        }
    }

    fn landings(
        &self,
        extraction: &Extraction,
        ordinals: &[usize],
        parts: Vec<Vec<Part>>,
    ) -> Vec<Landing> {
        let tables = extraction.tables.iter().zip(ordinals).zip(parts);
        tables
            .map(|((table, ordinal), parts)| {
                Landing::new(self.connection, table, &self.stamp, *ordinal, parts)
            })
            .collect()
    }

    /// Reads every extraction to its end, by another way where its own leads nowhere.
    async fn read_all(&self, readings: &mut [Reading]) -> Result<(), PullError> {
        loop {
            let mut failed = self.walk_all(readings).await?;
            for index in 0..readings.len() {
                if failed.iter().all(|(number, _)| *number != index) {
                    failed.extend(self.carry(readings, index).await?.map(|why| (index, why)));
                }
            }
            if failed.is_empty() {
                return Ok(());
            }
            for (index, why) in failed {
                let Some(reading) = readings.get_mut(index) else { continue };
                let entry = &mut reading.entry;
                let is_forced = entry.choice.reason == super::Reason::Forced;
                // Forced or not, changes that do not add up are no snapshot.
                let may_turn = !is_forced || entry.choice.way == Way::Changes;
                if !may_turn || !entry.choice.turn(&why) {
                    let extraction = entry.extraction.name.clone();
                    return Err(PullError::WayClosed { extraction, why });
                }
                prepare::take_way(&mut entry.extraction, entry.choice.way, self.previous);
                self.progress.turned(&entry.choice);
                self.begin_again(reading).await?;
            }
        }
    }

    /// Walks what is not at its end; returns which ways led nowhere, and why.
    async fn walk_all(&self, readings: &mut [Reading]) -> Result<Vec<(usize, String)>, PullError> {
        let mut walks: Vec<Vec<&mut Reading>> = Vec::new();
        let mut shared: Vec<&mut Reading> = Vec::new();
        for reading in readings.iter_mut().filter(|reading| reading.finished.is_none()) {
            if self.crm.kind().shares_calls(reading.entry.choice.way) {
                shared.push(reading);
            } else {
                walks.push(vec![reading]);
            }
        }
        if !shared.is_empty() {
            // The largest first: its later pages then travel with the first ones of the others.
            shared
                .sort_by_key(|reading| std::cmp::Reverse(reading.entry.choice.size.there.records));
            walks.push(shared);
        }
        let mut results = futures::stream::iter(walks)
            .map(|walk| self.walk(walk))
            .buffer_unordered(self.options.parallel_extractions.max(1));
        let mut failed = Vec::new();
        let mut first_error = None;
        while let Some(result) = results.next().await {
            match result {
                Ok(why) => failed.extend(why),
                Err(error) => {
                    self.has_failed.store(true, Ordering::Relaxed);
                    let is_echo = matches!(error, PullError::Cancelled);
                    if first_error.is_none() || !is_echo {
                        first_error.get_or_insert(error);
                    }
                }
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => Ok(failed),
        }
    }

    async fn walk(
        &self,
        mut walk: Vec<&mut Reading>,
    ) -> Result<Option<(usize, String)>, PullError> {
        self.check_stop()?;
        let extractions: Vec<Extraction> =
            walk.iter().map(|reading| reading.entry.extraction.clone()).collect();
        let from: Vec<Option<String>> = walk.iter().map(|reading| reading.place.clone()).collect();
        for extraction in &extractions {
            self.progress.started(&extraction.name);
        }
        let (sender, receiver) = mpsc::channel(STEPS_WAITING_MAX);
        let (extracted, landed) = tokio::join!(
            self.crm.extract(&extractions, &from, sender),
            self.land_steps(&mut walk, receiver),
        );
        // When landing failed, the walk ended because nobody listened; that is the lesser news.
        landed?;
        match extracted {
            Ok(()) => {}
            Err(CrmError::NotThisWay { extraction, reason, .. }) => {
                let number = walk
                    .iter()
                    .find(|reading| reading.entry.extraction.name == extraction)
                    .map(|reading| reading.number);
                return Ok(number.map(|number| (number, reason)));
            }
            Err(source) => {
                let extraction = extractions.first().map(|one| one.name.clone());
                return Err(PullError::Extraction {
                    connection: self.connection.to_owned(),
                    extraction: extraction.unwrap_or_default(),
                    source,
                });
            }
        }
        for reading in walk {
            let name = &reading.entry.extraction.name;
            let Some(extracted) = &reading.finished else {
                return Err(PullError::Unfinished { extraction: name.clone() });
            };
            // What is laid over the previous snapshot is proven when it lies there.
            if reading.entry.extraction.way != Way::Changes
                && let Err(incomplete) = complete::check_total(name, extracted)
            {
                self.begin_again(reading).await?;
                return Err(incomplete);
            }
            self.progress.finished(name, extracted.n_records);
        }
        Ok(None)
    }

    /// Writes what arrives, and leaves everything so that it can be gone on with.
    async fn land_steps(
        &self,
        walk: &mut [&mut Reading],
        mut receiver: mpsc::Receiver<Step>,
    ) -> Result<(), PullError> {
        let mut landed = Ok(());
        while let Some(step) = receiver.recv().await {
            landed = match self.check_stop() {
                Ok(()) => self.land(walk, step).await,
                Err(stopped) => Err(stopped),
            };
            if landed.is_err() {
                break;
            }
        }
        drop(receiver);
        for reading in walk.iter_mut() {
            self.close(reading).await?;
        }
        landed.and_then(|()| self.check_stop())
    }

    async fn land(&self, walk: &mut [&mut Reading], step: Step) -> Result<(), PullError> {
        match step {
            Step::Rows { extraction, table, rows } => {
                let Some(reading) = walk.get_mut(extraction) else { return Ok(()) };
                let name = &reading.entry.extraction.name;
                let Some(landing) = reading.landings.get_mut(table) else { return Ok(()) };
                landing.land(self.warehouse, name, &rows).await?;
                if table == 0 {
                    self.progress.advanced(name, rows.len() as u64);
                }
            }
            Step::Reached { extraction, place } => {
                let Some(reading) = walk.get_mut(extraction) else { return Ok(()) };
                let is_first = reading.place.is_none();
                reading.place = Some(place);
                if is_first || reading.landings.iter().any(Landing::is_due) {
                    self.close(reading).await?;
                }
            }
            Step::Finished { extraction, extracted } => {
                let Some(reading) = walk.get_mut(extraction) else { return Ok(()) };
                reading.finished = Some(extracted);
                self.close(reading).await?;
            }
        }
        Ok(())
    }

    /// Publishes the open files of an extraction and notes how far it is.
    async fn close(&self, reading: &mut Reading) -> Result<(), PullError> {
        for (landing, ordinal) in reading.landings.iter_mut().zip(&reading.ordinals) {
            if reading.finished.is_some() && *ordinal == 0 {
                landing.close_whole(self.warehouse).await?;
            } else {
                landing.close().await?;
            }
        }
        self.note(reading).await
    }

    /// Forgets what was read of an extraction; nothing goes on with it.
    async fn begin_again(&self, reading: &mut Reading) -> Result<(), PullError> {
        let extraction = &reading.entry.extraction;
        let parts = vec![Vec::new(); extraction.tables.len()];
        reading.landings = self.landings(extraction, &reading.ordinals, parts);
        (reading.place, reading.finished, reading.is_carried) = (None, None, false);
        self.note(reading).await
    }

    async fn note(&self, reading: &Reading) -> Result<(), PullError> {
        let progress = Progress {
            extraction: reading.entry.extraction.name.clone(),
            way: reading.entry.choice.way,
            place: reading.place.clone(),
            parts: reading.landings.iter().map(|landing| landing.parts().to_vec()).collect(),
            finished: reading.finished.clone(),
            is_carried: reading.is_carried,
        };
        Ok(self.journal.note(reading.number, &progress).await?)
    }

    /// Lays what was read over the previous snapshot; returns why it does not add up, if it does
    /// not.
    async fn carry(
        &self,
        readings: &mut [Reading],
        index: usize,
    ) -> Result<Option<String>, PullError> {
        let Some(reading) = readings.get(index) else { return Ok(None) };
        let (Some(previous), false) = (self.previous, reading.is_carried) else { return Ok(None) };
        let extraction = reading.entry.extraction.clone();
        let (Some(table), Some(extracted)) = (extraction.tables.first(), reading.finished.clone())
        else {
            return Ok(None);
        };
        let mut live = None;
        if extraction.way == Way::Changes {
            let parts = parts_of(readings, &table.name);
            let landed = carry::Landed::read(self.warehouse, &extraction, table, &parts).await?;
            let (Some(before), Some(reading)) =
                (previous.table(&table.name), readings.get_mut(index))
            else {
                return Ok(Some("the previous snapshot lacks the table".to_owned()));
            };
            let mut ids = landed.live_ids(self.warehouse, table, &parts).await?;
            let Some(landing) = reading.landings.first_mut() else { return Ok(None) };
            live = Some(carry::records(self.warehouse, before, &landed, landing, &mut ids).await?);
            self.read_associations(reading, &extraction, &ids).await?;
        }
        if let (Some(known), Some(modified)) = (&extraction.known, &extraction.modified_column)
            && let Some(history) = extraction.history_table()
            && let Some(reading) = readings.get_mut(index)
        {
            if let Some(landing) = reading.landings.first_mut() {
                landing.close().await?;
            }
            let parts = reading.landings.first().map(|landing| landing.parts().to_vec());
            let parts = parts.unwrap_or_default();
            let unchanged =
                carry::unchanged(self.warehouse, table, modified, known, &parts).await?;
            let former =
                extraction.tables.get(history).and_then(|table| previous.table(&table.name));
            if let (Some(former), Some(landing)) = (former, reading.landings.get_mut(history)) {
                carry::histories(self.warehouse, former, &unchanged, landing).await?;
            }
        }
        if let (Some(live), Some(total)) = (live, extracted.vendor_total)
            && live != total
        {
            let why = format!("{live} records are live where the vendor counts {total}");
            return Ok(Some(why));
        }
        if let Some(reading) = readings.get_mut(index) {
            reading.is_carried = true;
            self.close(reading).await?;
        }
        Ok(None)
    }

    /// Reads the associations of all records, carried ones included: they change without a trace
    /// in the record.
    async fn read_associations(
        &self,
        reading: &mut Reading,
        extraction: &Extraction,
        ids: &[String],
    ) -> Result<(), PullError> {
        if extraction.associations.is_empty() {
            return Ok(());
        }
        let per_call = usize::try_from(ASSOCIATIONS_PER_READ).unwrap_or(usize::MAX);
        for ids in ids.chunks(per_call) {
            self.check_stop()?;
            let found = self.crm.read_associations(extraction, ids).await;
            let found = found.map_err(|source| PullError::Extraction {
                connection: self.connection.to_owned(),
                extraction: extraction.name.clone(),
                source,
            })?;
            for (table, rows) in found {
                if let Some(landing) = reading.landings.get_mut(table) {
                    landing.land(self.warehouse, &extraction.name, &rows).await?;
                }
            }
        }
        Ok(())
    }

    /// Makes one row a key of every table and says what each holds, sorted by name.
    async fn settle_all(&self, readings: &[Reading]) -> Result<Vec<TableManifest>, PullError> {
        let tables: BTreeMap<&str, (&Table, &Reading)> = readings
            .iter()
            .rev()
            .flat_map(|reading| reading.entry.extraction.tables.iter().map(move |t| (t, reading)))
            .map(|(table, reading)| (table.name.as_str(), (table, reading)))
            .collect();
        let mut manifests = Vec::with_capacity(tables.len());
        for (name, (table, reading)) in tables {
            let settled = settle(self.warehouse, table, parts_of(readings, name)).await?;
            let extraction = &reading.entry.extraction;
            let is_of_records = extraction.tables.first().is_some_and(|first| first.name == name);
            let is_history = extraction
                .history_table()
                .and_then(|place| extraction.tables.get(place))
                .is_some_and(|history| history.name == name);
            let before = self.previous.and_then(|previous| previous.table(name));
            let full_at = match extraction.way {
                Way::Changes => before.and_then(|before| before.full_at),
                _ => Some(self.stamp.pulled_at),
            };
            let total = reading.finished.as_ref().and_then(|extracted| extracted.vendor_total);
            manifests.push(TableManifest {
                name: name.to_owned(),
                columns: table.columns.clone(),
                key: table.key.clone(),
                rows: settled.parts.iter().map(|part| part.rows).sum(),
                files: settled.parts.into_iter().map(|part| part.path).collect(),
                vendor_total: total.filter(|_| is_of_records),
                duplicates: settled.duplicates,
                changed: settled.changed.into_iter().collect(),
                way: Some(extraction.way),
                full_at,
                scope: if is_history { extraction.history_fields.clone() } else { Vec::new() },
            });
        }
        Ok(manifests)
    }

    fn check_stop(&self) -> Result<(), PullError> {
        if self.has_failed.load(Ordering::Relaxed) {
            return Err(PullError::Cancelled);
        }
        self.options.check_cancel()
    }
}

/// Lists the files of a table in the order in which the extractions that fill it count.
fn parts_of(readings: &[Reading], table: &str) -> Vec<Part> {
    readings
        .iter()
        .flat_map(|reading| &reading.landings)
        .filter(|landing| landing.table().name == table)
        .flat_map(Landing::parts)
        .cloned()
        .collect()
}

fn calls_since(before: CallCounts, after: CallCounts) -> CallCounts {
    CallCounts {
        fixed: after.fixed - before.fixed,
        read: after.read - before.read,
        write: after.write - before.write,
        retry: after.retry - before.retry,
    }
}

//! What a pull knows before its first page: the account, the metadata, the previous snapshot, what a
//! broken pull left, and how each extraction goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;

use super::choice::{Choice, Considered, Reason};
use super::journal::{self, Begun, Journal, Progress};
use super::{Manifest, PullError, PullOptions, TableManifest, carry, complete};
use crate::crm::price::{EXPORTS_PER_DAY, Size, price};
use crate::crm::{Account, Count, Crm, Extraction, ObjectRequest, Way};
use crate::digest::short_digest;
use crate::schema::Schema;
use crate::warehouse::Warehouse;

/// How far before the previous pull's beginning changes are looked for: the index's lag, and clocks
/// that differ.
const OVERLAP: SignedDuration = SignedDuration::from_mins(30);

/// Share of records that is taken to have changed where nobody was asked.
const CHANGED_PER_MILLE: u64 = 10;

/// A pull ready to go.
pub struct Prepared {
    pub account: Account,
    pub schema: Schema,
    pub lost_fields: Vec<String>,
    pub previous: Option<Manifest>,
    pub begun: Begun,
    /// The pull goes on where a broken one ended.
    pub is_continued: bool,
    pub entries: Vec<Entry>,
}

/// One extraction, how it goes, and what a broken pull has of it.
pub struct Entry {
    pub extraction: Extraction,
    pub choice: Choice,
    pub progress: Option<Progress>,
}

pub async fn prepare(
    connection: &str,
    crm: &dyn Crm,
    objects: &[ObjectRequest],
    warehouse: &Warehouse,
    options: &PullOptions,
) -> Result<Prepared, PullError> {
    let previous = Manifest::latest(warehouse, connection).await?;
    let crm_error = |source| PullError::Metadata { connection: connection.to_owned(), source };
    let account = crm.account().await.map_err(crm_error)?;
    let names: Vec<String> = objects.iter().map(|request| request.object.clone()).collect();
    let schema = crm.schema(&names).await.map_err(crm_error)?;
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

    let mut extractions = crm.extractions(objects, &schema);
    let base = previous.as_ref().filter(|previous| previous.account.id == account.id);
    for extraction in &mut extractions {
        lay_over(warehouse, extraction, base).await?;
    }
    let wanted = Begun {
        snapshot_id: options.snapshot_id.clone(),
        pulled_at: options.pulled_at,
        account_id: account.id.clone(),
        request: request_digest(&extractions),
        previous_id: previous.as_ref().map(|previous| previous.snapshot_id.clone()),
    };
    let broken = journal::broken(warehouse, connection).await?;
    let continued = broken.filter(|broken| can_continue(broken, &wanted, options));
    let is_continued = continued.is_some();
    let begun = continued.unwrap_or(wanted);

    let sizes = sizes(connection, crm, &extractions, base, options).await?;
    let mut exports_left = exports_left(warehouse, connection, options).await?;
    let journal = Journal::new(warehouse, connection, &begun.snapshot_id);
    let mut entries = Vec::with_capacity(extractions.len());
    for (number, (mut extraction, size)) in extractions.into_iter().zip(sizes).enumerate() {
        let progress = if is_continued { journal.read(number).await? } else { None };
        let considered = consider(crm, &extraction, size, base, options, exports_left);
        let closed = |why| PullError::WayClosed { extraction: extraction.name.clone(), why };
        let forced = forced(crm, &extraction, options);
        let mut choice = Choice::new(&extraction.name, size, considered, forced).map_err(closed)?;
        if let Some(progress) = &progress {
            (choice.way, choice.reason) = (progress.way, Reason::Continued);
        }
        exports_left = exports_left.saturating_sub(choice.price().exports);
        take_way(&mut extraction, choice.way, base);
        entries.push(Entry { extraction, choice, progress });
    }
    Ok(Prepared { account, schema, lost_fields, previous, begun, is_continued, entries })
}

/// Turns an extraction to a way.
pub fn take_way(extraction: &mut Extraction, way: Way, base: Option<&Manifest>) {
    extraction.way = way;
    extraction.since = base.filter(|_| way == Way::Changes).map(|base| base.pulled_at - OVERLAP);
}

/// Notes what the previous snapshot has of an extraction's histories.
async fn lay_over(
    warehouse: &Warehouse,
    extraction: &mut Extraction,
    base: Option<&Manifest>,
) -> Result<(), PullError> {
    let Some(history) = extraction.history_table().and_then(|place| extraction.tables.get(place))
    else {
        return Ok(());
    };
    let Some((records, before)) = extraction.tables.first().zip(base) else { return Ok(()) };
    let is_same = |name: &str, columns: &[String], scope: &[String]| {
        before.table(name).is_some_and(|table| table.columns == columns && table.scope == scope)
    };
    let has_histories = is_same(&history.name, &history.columns, &extraction.history_fields);
    let former = before.table(&records.name);
    let modified = extraction.modified_column.as_deref();
    if let (true, Some(former), Some(modified)) = (has_histories, former, modified)
        && former.columns.iter().any(|column| column == modified)
    {
        let known = carry::known(warehouse, records, modified, former).await?;
        extraction.known = Some(Arc::new(known));
    }
    Ok(())
}

/// Says whether a broken pull is one that this pull would begin again the same.
fn can_continue(broken: &Begun, wanted: &Begun, options: &PullOptions) -> bool {
    let age = wanted.pulled_at.duration_since(broken.pulled_at);
    let is_same = Begun {
        snapshot_id: wanted.snapshot_id.clone(),
        pulled_at: wanted.pulled_at,
        ..broken.clone()
    } == *wanted;
    let is_untouched = options.untouched_since.is_none_or(|since| broken.pulled_at >= since);
    is_same && is_untouched && age <= options.continue_within
}

fn request_digest(extractions: &[Extraction]) -> String {
    let of_one = |extraction: &Extraction| {
        format!(
            "{} {:?} {:?} {:?} {}\n",
            extraction.name,
            extraction.tables,
            extraction.history_fields,
            extraction.associations,
            extraction.known.is_some()
        )
    };
    short_digest(&extractions.iter().map(of_one).collect::<String>())
}

/// Says how many records each extraction has: as the previous snapshot knows, or as the vendor
/// counts. Changes are counted only where they may be asked for.
async fn sizes(
    connection: &str,
    crm: &dyn Crm,
    extractions: &[Extraction],
    base: Option<&Manifest>,
    options: &PullOptions,
) -> Result<Vec<Size>, PullError> {
    let crm_error = |source| PullError::Metadata { connection: connection.to_owned(), source };
    let Some(base) = base else {
        let counts = crm.count(extractions).await.map_err(crm_error)?;
        let size = |count: Option<Count>| Size { there: count.unwrap_or_default(), changed: None };
        return Ok(counts.into_iter().map(size).collect());
    };
    let mut sizes: Vec<Size> = extractions
        .iter()
        .map(|extraction| {
            let before = extraction.tables.first().and_then(|table| base.table(&table.name));
            let records = match (before, extraction.is_archived) {
                (Some(table), true) => {
                    table.rows.saturating_sub(table.vendor_total.unwrap_or(table.rows))
                }
                (Some(table), false) => table.vendor_total.unwrap_or(table.rows),
                (None, _) => 0,
            };
            let members = extraction.members_table().and_then(|place| extraction.tables.get(place));
            let members = members.and_then(|table| base.table(&table.name)).map_or(0, |m| m.rows);
            let changed = Some((records * CHANGED_PER_MILLE).div_ceil(1_000));
            Size { there: Count { records, members }, changed }
        })
        .collect();
    let asked: Vec<(usize, Extraction)> = extractions
        .iter()
        .enumerate()
        .filter(|(_, extraction)| {
            let is_wanted =
                options.incremental || forced(crm, extraction, options) == Some(Way::Changes);
            is_wanted && barrier_to_changes(crm, extraction, Some(base), options).is_none()
        })
        .map(|(index, extraction)| {
            let mut extraction = extraction.clone();
            take_way(&mut extraction, Way::Changes, Some(base));
            (index, extraction)
        })
        .collect();
    let (places, asked): (Vec<usize>, Vec<Extraction>) = asked.into_iter().unzip();
    if asked.is_empty() {
        return Ok(sizes);
    }
    let counts = crm.count(&asked).await.map_err(crm_error)?;
    for (place, count) in places.into_iter().zip(counts) {
        if let (Some(size), Some(count)) = (sizes.get_mut(place), count) {
            size.changed = Some(count.records);
        }
    }
    Ok(sizes)
}

/// Returns the way that the project or a flag names for an object, where its extraction has it.
/// Archived records go their only way whatever is said of the live ones.
fn forced(crm: &dyn Crm, extraction: &Extraction, options: &PullOptions) -> Option<Way> {
    let way = *options.ways.get(&extraction.object)?;
    let is_alone =
        crm.ways(extraction).iter().filter(|(_, barrier)| barrier.is_none()).count() == 1;
    (!(is_alone && extraction.is_archived)).then_some(way)
}

fn consider(
    crm: &dyn Crm,
    extraction: &Extraction,
    size: Size,
    base: Option<&Manifest>,
    options: &PullOptions,
    exports_left: u64,
) -> Vec<Considered> {
    let forced = forced(crm, extraction, options);
    crm.ways(extraction)
        .into_iter()
        .map(|(way, barrier)| {
            let barrier = barrier.or_else(|| match way {
                Way::Export if exports_left == 0 => {
                    Some(format!("no export is left of {EXPORTS_PER_DAY} in 24 hours"))
                }
                Way::Changes if !options.incremental && forced != Some(Way::Changes) => {
                    Some("the project asks for everything: `incremental = false`".to_owned())
                }
                Way::Changes => barrier_to_changes(crm, extraction, base, options),
                _ => None,
            });
            let price = price(crm.kind(), extraction, way, size);
            Considered { way, price, barrier }
        })
        .collect()
}

/// Says what keeps an extraction from being built upon the previous snapshot.
fn barrier_to_changes(
    crm: &dyn Crm,
    extraction: &Extraction,
    base: Option<&Manifest>,
    options: &PullOptions,
) -> Option<String> {
    let of_crm = crm.ways(extraction).into_iter().find(|(way, _)| *way == Way::Changes);
    if let Some((_, Some(barrier))) = of_crm {
        return Some(barrier);
    }
    let Some(base) = base else { return Some("there is no previous snapshot".to_owned()) };
    let before: Option<Vec<&TableManifest>> =
        extraction.tables.iter().map(|table| base.table(&table.name)).collect();
    let is_same = before.as_ref().is_some_and(|before| {
        let mut pairs = before.iter().zip(&extraction.tables);
        pairs.all(|(before, table)| before.columns == table.columns && before.key == table.key)
    });
    if !is_same || (!extraction.history_fields.is_empty() && extraction.known.is_none()) {
        return Some("the previous snapshot has other columns".to_owned());
    }
    let full_at = before.and_then(|before| before.first().and_then(|table| table.full_at));
    let is_old =
        full_at.is_none_or(|at| options.pulled_at.duration_since(at) >= options.full_after);
    if is_old {
        return Some("it was last read in full too long ago".to_owned());
    }
    let formula = extraction.formulas.iter().find(|field| options.used_fields.contains(*field));
    formula.map(|field| format!("`{field}` is used and changes without a trace"))
}

/// Counts the exports that this project has not yet started in the last 24 hours; what others
/// started nobody says.
async fn exports_left(
    warehouse: &Warehouse,
    connection: &str,
    options: &PullOptions,
) -> Result<u64, PullError> {
    let day_ago = options.pulled_at - SignedDuration::from_hours(24);
    let manifests = Manifest::list(warehouse, connection).await?;
    let recent = manifests.iter().filter(|manifest| manifest.pulled_at > day_ago);
    let started: u64 = recent.map(|manifest| manifest.exports).sum();
    Ok(EXPORTS_PER_DAY.saturating_sub(started))
}

/// Returns each table's place among the extractions that fill it.
pub fn ordinals(entries: &[Entry]) -> Vec<Vec<usize>> {
    let mut n_before: BTreeMap<&str, usize> = BTreeMap::new();
    entries
        .iter()
        .map(|entry| {
            let tables = entry.extraction.tables.iter();
            tables
                .map(|table| {
                    let count = n_before.entry(table.name.as_str()).or_default();
                    *count += 1;
                    *count - 1
                })
                .collect()
        })
        .collect()
}

//! The file of an export: which columns, how a value is written, when it is zipped.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{params, params_from_iter};
use zip::write::{SimpleFileOptions, ZipWriter};

use super::super::errors::ApiError;
use super::super::gate::account_zone;
use super::super::schema::{ObjectType, Property};
use super::super::settings::ExportTimes;
use super::super::store;
use super::super::time::{date_ms, epoch_ms};
use super::super::{Work, record};
use super::{Export, ExportRequest};

/// Associations written for one record and kind unless the export asks for all.
const ASSOCIATIONS_PER_ROW_MAX: usize = 1000;
/// Bytes of a file kept in one row of the database.
const PART_BYTES: usize = 1 << 20;

struct Column {
    header: String,
    content: Content,
}

enum Content {
    Property(Property),
    /// Ids of linked records; of one type of link only where one is given.
    Linked {
        to: String,
        type_id: Option<i64>,
    },
    /// What the linked records are called.
    LinkedNames {
        to: String,
    },
}

/// How values are written.
struct Form {
    is_internal: bool,
    times: ExportTimes,
    zone: TimeZone,
    /// Names of owners by id, where values are labels.
    owners: HashMap<String, String>,
}

/// Writes the records meant into the export's file and notes how many they are.
pub fn write(work: &Work<'_>, export: &mut Export) -> Result<(), ApiError> {
    let request = &export.request;
    let object = work.schema.object(&request.object_type)?;
    let columns = columns(work, object, request)?;
    let mut lines = csv::Writer::from_writer(Sink::new(work.settings.exports.zip_over_bytes));
    lines.write_record(columns.iter().map(|column| &column.header))?;
    let n_records = write_rows(work, object, request, &columns, &mut lines)?;
    let sink = lines.into_inner().map_err(csv::IntoInnerError::into_error)?;
    export.is_zip = sink.is_zip();
    let file = sink.finish()?;
    let mut insert = work
        .db
        .prepare_cached("insert into export_parts (export, part, data) values (?1, ?2, ?3)")?;
    for (part, data) in file.chunks(PART_BYTES).enumerate() {
        insert.execute(params![export.id, store::sql_count(part), data])?;
    }
    export.record_count = Some(store::sql_count(n_records));
    Ok(())
}

fn write_rows(
    work: &Work<'_>,
    object: &ObjectType,
    request: &ExportRequest,
    columns: &[Column],
    lines: &mut csv::Writer<Sink>,
) -> Result<usize, ApiError> {
    let criteria = request.criteria(work)?;
    let mut question = criteria.question(work, object)?;
    if request.export_type == "LIST"
        && let Some(list) = &request.list_id
    {
        let list = question.bind(list.text());
        let members = "select record_id from list_memberships where list_id";
        question.condition.extend([" and id in (", members, " = ", &list, ")"]);
    }
    let form = Form::new(work, request)?;
    let picked: HashMap<&str, usize> = columns
        .iter()
        .enumerate()
        .filter_map(|(at, column)| match &column.content {
            Content::Property(property) => Some((property.name.as_str(), at)),
            _ => None,
        })
        .collect();
    let share = u64::from(work.settings.exports.share_percent);
    let mut n_records = 0;
    let mut statement = work.db.prepare(&format!(
        "select {} from records where {} order by {}",
        store::RECORD_COLUMNS,
        question.condition,
        question.order
    ))?;
    let mut rows = statement.query(params_from_iter(&question.values))?;
    while let Some(row) = rows.next()? {
        if !question.is_whole && !criteria.holds(object, &store::read_record(row)?) {
            continue;
        }
        n_records += 1;
        let reaches_file = n_records * share / 100 > (n_records - 1) * share / 100;
        if !reaches_file {
            continue;
        }
        let head = store::read_head(row)?;
        let id = head.id;
        let mut cells: Vec<Cow<'_, str>> = vec![Cow::Borrowed(""); columns.len()];
        let properties = row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?;
        store::pick(properties, &picked, &mut cells)?;
        for (cell, column) in cells.iter_mut().zip(columns) {
            match &column.content {
                Content::Property(property) => {
                    if let Some(value) = record::derived(object, &head, &property.name) {
                        *cell = Cow::Owned(value);
                    }
                    if let Some(written) = form.written(property, cell) {
                        *cell = Cow::Owned(written);
                    }
                }
                Content::Linked { to, type_id } => {
                    let max = if request.override_associated_objects_per_definition_per_row_limit {
                        usize::MAX
                    } else {
                        ASSOCIATIONS_PER_ROW_MAX
                    };
                    let ids = linked(work, object, id, to, *type_id, max)?;
                    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
                    *cell = Cow::Owned(ids.join(";"));
                }
                Content::LinkedNames { to } => {
                    *cell = Cow::Owned(linked_names(work, object, id, to)?);
                }
            }
        }
        lines.write_record(cells.iter().map(|cell| cell.as_bytes()))?;
    }
    Ok(usize::try_from(n_records).unwrap_or(usize::MAX))
}

fn columns(
    work: &Work<'_>,
    object: &ObjectType,
    request: &ExportRequest,
) -> Result<Vec<Column>, ApiError> {
    let has_names = request.has_internal("NAMES");
    let mut columns = Vec::new();
    let mut seen = HashSet::new();
    let asked = request.object_properties.iter().map(String::as_str);
    for name in std::iter::once("hs_object_id").chain(asked) {
        let name = name.to_ascii_lowercase();
        // As in other reads, what is not defined is left out.
        let Some(property) = object.property(&name) else { continue };
        if !seen.insert(name) {
            continue;
        }
        let is_id = property.name == "hs_object_id";
        let header = match (has_names, is_id) {
            (true, true) if work.settings.exports.labels_id_column => "Record ID".to_owned(),
            (true, _) => property.name.clone(),
            (false, true) => "Record ID".to_owned(),
            (false, false) => property.label.clone(),
        };
        columns.push(Column { header, content: Content::Property(property.clone()) });
    }
    for name in request.associated_object_type.as_slice() {
        let to = work.schema.object(name)?;
        let header = format!("Associated {}", title(&to.singular()));
        if request.include_primary_display_property_for_associated_objects {
            let content = Content::LinkedNames { to: to.id.clone() };
            columns.push(Column { header: header.clone(), content });
        }
        let content = Content::Linked { to: to.id.clone(), type_id: None };
        columns.push(Column { header: format!("{header} IDs"), content });
        if request.include_labeled_associations {
            for known in work.schema.associations.between(&object.id, &to.id) {
                let Some(label) = &known.label else { continue };
                let type_id = Some(known.type_id);
                let content = Content::Linked { to: to.id.clone(), type_id };
                columns.push(Column { header: format!("{header} IDs ({label})"), content });
            }
        }
    }
    Ok(columns)
}

fn linked(
    work: &Work<'_>,
    from: &ObjectType,
    id: i64,
    to: &str,
    type_id: Option<i64>,
    max: usize,
) -> Result<Vec<i64>, ApiError> {
    Ok(work
        .db
        .prepare_cached(
            "select distinct to_id from associations where from_object = ?1 and from_id = ?2
             and to_object = ?3 and (?4 is null or type_id = ?4) order by to_id limit ?5",
        )?
        .query_map(params![from.id, id, to, type_id, store::sql_count(max)], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

fn linked_names(work: &Work<'_>, from: &ObjectType, id: i64, to: &str) -> Result<String, ApiError> {
    let mut names = Vec::new();
    for linked in linked(work, from, id, to, None, ASSOCIATIONS_PER_ROW_MAX)? {
        let Some(record) = store::find(work.db, to, linked)? else { continue };
        let value = |name: &str| record.properties.get(name).cloned().unwrap_or_default();
        let name = match to {
            "0-1" => format!("{} {}", value("firstname"), value("lastname")).trim().to_owned(),
            "0-3" => value("dealname"),
            _ => value("name"),
        };
        names.push(if name.is_empty() { linked.to_string() } else { name });
    }
    Ok(names.join(";"))
}

impl Form {
    fn new(work: &Work<'_>, request: &ExportRequest) -> Result<Self, ApiError> {
        let is_internal = request.has_internal("VALUES");
        let mut owners = HashMap::new();
        if !is_internal {
            let mut statement = work.db.prepare_cached(
                "select id, trim(coalesce(first_name, '') || ' ' || coalesce(last_name, ''))
                 from owners",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                owners.insert(row.get::<_, i64>(0)?.to_string(), row.get(1)?);
            }
        }
        let (times, zone) = (work.settings.exports.times, account_zone(work.world));
        Ok(Self { is_internal, times, zone, owners })
    }

    /// Returns how a value is written where it is not written as it is held.
    fn written(&self, property: &Property, text: &str) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        let is_date = property.kind == "date";
        if is_date || property.kind == "datetime" {
            let at = if is_date { date_ms(text) } else { epoch_ms(text) }?;
            return match (self.is_internal, self.times) {
                (true, ExportTimes::EpochMs) => Some(at.to_string()),
                (true, ExportTimes::Iso) => None,
                (false, _) if is_date => None,
                (false, _) => {
                    let at = Timestamp::from_millisecond(at).ok()?;
                    Some(
                        at.to_zoned_datetime(self.zone.clone())
                            .strftime("%Y-%m-%d %H:%M")
                            .to_string(),
                    )
                }
            };
        }
        if self.is_internal {
            return None;
        }
        if property.is_owner_reference() {
            return self.owners.get(text).cloned();
        }
        if property.options.is_empty() {
            return None;
        }
        let label = |value: &str| {
            let option = property.options.iter().find(|option| option.value == value);
            option.map_or_else(|| value.to_owned(), |option| option.label.clone())
        };
        let labels: Vec<String> = text.split(';').map(label).collect();
        Some(labels.join(";"))
    }
}

/// Takes the file's text and zips it once it is large.
enum Sink {
    Plain { text: Vec<u8>, zip_over: usize },
    Zip(Box<ZipWriter<io::Cursor<Vec<u8>>>>),
}

impl Sink {
    fn new(zip_over: usize) -> Self {
        Self::Plain { text: Vec::new(), zip_over }
    }

    fn is_zip(&self) -> bool {
        matches!(self, Self::Zip(_))
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain { text, .. } => Ok(text),
            Self::Zip(zip) => Ok(zip.finish()?.into_inner()),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain { text, zip_over } if text.len() + data.len() <= *zip_over => {
                text.extend_from_slice(data);
                Ok(data.len())
            }
            Self::Plain { text, .. } => {
                let mut zip = ZipWriter::new(io::Cursor::new(Vec::new()));
                let options = SimpleFileOptions::default()
                    .compression_level(Some(1))
                    .last_modified_time(zip::DateTime::default())
                    .large_file(true);
                zip.start_file("export.csv", options)?;
                zip.write_all(text)?;
                *self = Self::Zip(Box::new(zip));
                self.write(data)
            }
            Self::Zip(zip) => zip.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes `line item` as `Line Item`.
fn title(name: &str) -> String {
    let words = name.split(['_', ' ']).map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    });
    words.flatten().collect::<Vec<_>>().join(" ")
}

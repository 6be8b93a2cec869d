//! Gets imports on: who runs, which rows come next, how it ends.

use csv::ByteRecord;
use jiff::tz::TimeZone;
use rusqlite::params;
use serde_json::json;

use super::super::errors::ApiError;
use super::super::settings::JobEnd;
use super::super::store::sql_count;
use super::super::time::iso;
use super::super::{Source, Work, gate};
use super::cell::Dates;
use super::request::{self, ImportFile};
use super::row::{self, Context, Done, Flaw, Stop};
use super::{COLUMNS, Import, RUNNING_MAX, read_import};

/// Rows carried out in one step, so that no single call takes minutes.
const ROWS_PER_STEP: i64 = 100_000;

/// Gets every running import one step on and starts those that waited for a place.
pub fn step(work: &Work<'_>) -> Result<(), ApiError> {
    let running: Vec<Import> = work
        .db
        .prepare_cached(&format!(
            "select {COLUMNS} from imports where state in ('STARTED', 'PROCESSING', 'DEFERRED')
             order by id limit ?1"
        ))?
        .query_map([sql_count(RUNNING_MAX)], read_import)?
        .collect::<Result<_, _>>()?;
    for import in running {
        step_one(work, import)?;
    }
    Ok(())
}

/// Ends an import and lets go of its rows.
pub fn end(work: &Work<'_>, import: &Import, state: &str) -> Result<(), ApiError> {
    work.db.execute(
        "update imports set state = ?2, updated_at = ?3 where id = ?1",
        params![import.id, state, work.now],
    )?;
    work.db.execute("delete from import_parts where import = ?1", [import.id])?;
    work.db.execute("delete from import_keys where import = ?1", [import.id])?;
    Ok(())
}

fn step_one(work: &Work<'_>, mut import: Import) -> Result<(), ApiError> {
    if import.state == "DEFERRED" {
        "STARTED".clone_into(&mut import.state);
        return save(work, &import);
    }
    let settings = &work.settings.imports;
    import.n_polls += 1;
    "PROCESSING".clone_into(&mut import.state);
    if import.n_polls < settings.polls {
        return save(work, &import);
    }
    let until = import.n_rows * i64::from(settings.share_percent.min(100)) / 100;
    let goal = until.min(import.n_rows_done + ROWS_PER_STEP);
    let in_import = Work { source: Source::import(import.id), ..work.clone() };
    carry_out_until(&in_import, &mut import, goal)?;
    if import.n_rows_done < until {
        return save(work, &import);
    }
    let state = match settings.ends {
        JobEnd::Done => "DONE",
        JobEnd::Failed => "FAILED",
        JobEnd::Canceled => "CANCELED",
        JobEnd::Stuck => return save(work, &import),
    };
    let n_written: i64 = work.db.query_row(
        "select count(*) from import_keys where import = ?1 and key = 'written'",
        [import.id],
        |row| row.get(0),
    )?;
    import.counters.insert("UNIQUE_OBJECTS_WRITTEN".to_owned(), n_written);
    if import.request.create_contact_list_from_import && state == "DONE" {
        make_list(work, &mut import)?;
    }
    save(work, &import)?;
    end(work, &import, state)
}

fn save(work: &Work<'_>, import: &Import) -> Result<(), ApiError> {
    work.db.execute(
        "update imports set state = ?2, n_polls = ?3, n_rows_done = ?4, counters = ?5, lists = ?6,
         updated_at = ?7 where id = ?1",
        params![
            import.id,
            import.state,
            import.n_polls,
            import.n_rows_done,
            serde_json::to_string(&import.counters)?,
            import.lists.to_string(),
            work.now
        ],
    )?;
    Ok(())
}

/// Carries out rows up to the `goal`th of the whole import.
fn carry_out_until(work: &Work<'_>, import: &mut Import, goal: i64) -> Result<(), ApiError> {
    let request = import.request.clone();
    for (at, file) in request.files.iter().enumerate() {
        if import.n_rows_done >= goal {
            return Ok(());
        }
        let columns = request::columns(work, file)?;
        let context = Context {
            import: import.id,
            request: &request,
            version: import.version,
            columns: &columns,
            dates: dates(work, import, file),
        };
        let mut parts = work.db.prepare_cached(
            "select first_row, first_line, data from import_parts
             where import = ?1 and file = ?2 and first_row + n_rows > ?3 order by part",
        )?;
        let mut rows = parts.query(params![import.id, sql_count(at), import.n_rows_done])?;
        while let Some(part) = rows.next()?
            && import.n_rows_done < goal
        {
            let (first_row, first_line): (i64, i64) = (part.get(0)?, part.get(1)?);
            let data = part.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(data);
            let (mut record, mut row) = (ByteRecord::new(), first_row);
            while import.n_rows_done < goal && reader.read_byte_record(&mut record)? {
                if row >= import.n_rows_done {
                    let line = first_line + row - first_row;
                    carry_out(work, import, &context, &record, file, line, at)?;
                    import.n_rows_done += 1;
                }
                row += 1;
            }
        }
    }
    Ok(())
}

fn carry_out(
    work: &Work<'_>,
    import: &mut Import,
    context: &Context<'_>,
    record: &ByteRecord,
    file: &ImportFile,
    line: i64,
    at: usize,
) -> Result<(), ApiError> {
    let cells: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    let (done, flaws) = match row::carry_out(work, context, &cells) {
        Ok(mut done) => {
            let flaws = std::mem::take(&mut done.flaws);
            (done, flaws)
        }
        Err(Stop::Refused(flaws)) => (Done::default(), flaws),
        Err(Stop::Fault(error)) => return Err(*error),
    };
    let counts = [
        ("TOTAL_ROWS", 1),
        ("CREATED_OBJECTS", done.n_created),
        ("UPDATED_OBJECTS", done.n_updated),
        ("PROPERTY_VALUES_EMITTED", done.n_values),
        ("ERRORS", sql_count(flaws.len())),
    ];
    for (name, count) in counts {
        if count > 0 {
            *import.counters.entry(name.to_owned()).or_default() += count;
        }
    }
    let has_header = file.file_import_page.has_header && work.settings.imports.counts_header_line;
    let line = if has_header { line + 1 } else { line };
    let file_id = format!("{}{:02}", import.id, at + 1);
    note_flaws(work, import.id, &flaws, line, &file_id, &cells)
}

fn note_flaws(
    work: &Work<'_>,
    import: i64,
    flaws: &[Flaw],
    line: i64,
    file_id: &str,
    cells: &[&str],
) -> Result<(), ApiError> {
    let mut insert =
        work.db.prepare_cached("insert into import_errors (import, error) values (?1, ?2)")?;
    for flaw in flaws {
        let view = flaw.view(work.now, line, file_id, cells);
        insert.execute(params![import, view.to_string()])?;
    }
    Ok(())
}

fn dates(work: &Work<'_>, import: &Import, file: &ImportFile) -> Dates {
    let zone = import.request.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
    Dates {
        format: file.date_format.unwrap_or(import.request.date_format),
        zone: zone.unwrap_or_else(|| gate::account_zone(work.world)),
    }
}

/// Makes a list of the contacts that the import wrote.
fn make_list(work: &Work<'_>, import: &mut Import) -> Result<(), ApiError> {
    work.db.execute(
        "insert into lists (name, object, processing_type, created_at, updated_at)
         values (?1, '0-1', 'SNAPSHOT', ?2, ?2)",
        params![import.request.name, iso(work.now)],
    )?;
    let list = work.db.last_insert_rowid();
    work.db.execute(
        "insert or ignore into list_memberships (list_id, record_id, joined_at)
         select ?1, id, ?3 from import_keys where import = ?2 and key = 'written'
         and object = '0-1'",
        params![list, import.id, iso(work.now)],
    )?;
    import.lists = json!([{"listId": list.to_string(), "objectType": "CONTACT"}]);
    Ok(())
}

//! What changed and what was deleted in a span of time.

use jiff::{SignedDuration, Timestamp, Unit};
use rusqlite::params;
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::Call;
use super::errors::Fault;
use super::org::Org;
use super::schema::Object;
use super::wire;

const UPDATED_SPAN_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);
const DELETED_SPAN_MAX: SignedDuration = SignedDuration::from_hours(15 * 24);
const IDS_MAX: usize = 600_000;

/// Table of what was removed past the recycle bin.
pub const TABLES: &str = "\
create table if not exists sandbox_removed \
(object text, id text, at text, primary key (object, id)) without rowid;
";

/// Answers `GET sobjects/X/updated?start=&end=`.
///
/// # Errors
/// When the span is none, too long ago, or holds too many records.
pub fn updated(org: &Org<'_>, call: &Call, object: &Object) -> Result<Answer, Fault> {
    let (start, end) = span(org, call, UPDATED_SPAN_MAX)?;
    let sql = format!(
        "select \"Id\" from {} where \"SystemModstamp\" >= ?1 and \"SystemModstamp\" < ?2 \
         and \"IsDeleted\" = 0 order by \"SystemModstamp\", \"Id\"",
        object.table()
    );
    let mut statement = org.connection.prepare_cached(&sql)?;
    let ids = statement
        .query_map([wire::moment(start), wire::moment(end)], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    require_few(ids.len())?;
    Ok(Answer::json(200, &json!({"ids": ids, "latestDateCovered": wire::moment(end)})))
}

/// Answers `GET sobjects/X/deleted?start=&end=`.
///
/// # Errors
/// As [`updated`].
pub fn deleted(org: &Org<'_>, call: &Call, object: &Object) -> Result<Answer, Fault> {
    let (start, end) = span(org, call, DELETED_SPAN_MAX)?;
    let sql = format!(
        "select \"Id\", \"SystemModstamp\" from {} where \"IsDeleted\" = 1 \
         and \"SystemModstamp\" >= ?1 and \"SystemModstamp\" < ?2 \
         union all select id, at from sandbox_removed where object = ?3 and at >= ?1 and at < ?2 \
         order by 2, 1",
        object.table()
    );
    let mut statement = org.connection.prepare_cached(&sql)?;
    let records = statement
        .query_map(params![wire::moment(start), wire::moment(end), object.name], |row| {
            Ok(json!({"id": row.get::<_, String>(0)?, "deletedDate": row.get::<_, String>(1)?}))
        })?
        .collect::<Result<Vec<Value>, _>>()?;
    require_few(records.len())?;
    let earliest = org.now.saturating_sub(DELETED_SPAN_MAX).unwrap_or(Timestamp::MIN);
    Ok(Answer::json(
        200,
        &json!({
            "deletedRecords": records,
            "earliestDateAvailable": wire::moment(earliest),
            "latestDateCovered": wire::moment(end),
        }),
    ))
}

/// Notes that a record is gone past the recycle bin.
pub fn note_removed(org: &Org<'_>, object: &Object, id: &str) -> Result<(), Fault> {
    org.connection
        .prepare_cached("insert or replace into sandbox_removed values (?1, ?2, ?3)")?
        .execute(params![object.name, id, wire::moment(org.now)])?;
    Ok(())
}

/// Reads the span of a call, to the minute: seconds are passed over.
fn span(
    org: &Org<'_>,
    call: &Call,
    oldest: SignedDuration,
) -> Result<(Timestamp, Timestamp), Fault> {
    let moment = |name: &str| {
        let text = call.parameter(name).unwrap_or_default();
        // A `+` that the caller left unescaped arrives as a space.
        wire::parse_moment(&text.replace(' ', "+"))
            .and_then(|at| {
                let whole = jiff::TimestampRound::new().smallest(Unit::Minute);
                at.round(whole.mode(jiff::RoundMode::Floor)).ok()
            })
            .ok_or_else(|| {
                Fault::new(400, "INVALID_REPLICATION_DATE", format!("{name} is no time: {text}"))
            })
    };
    let (start, end) = (moment("start")?, moment("end")?);
    if org.now.duration_since(start) > oldest {
        let message = format!("startDate before {} days ago", oldest.as_hours() / 24);
        return Err(Fault::new(400, "INVALID_REPLICATION_DATE", message));
    }
    if end <= start {
        let message = "startDate has to be before endDate and at least a minute apart";
        return Err(Fault::new(400, "INVALID_REPLICATION_DATE", message));
    }
    Ok((start, end))
}

fn require_few(n_ids: usize) -> Result<(), Fault> {
    if n_ids <= IDS_MAX {
        return Ok(());
    }
    let message = format!("more than {IDS_MAX} ids in the given span");
    Err(Fault::new(400, "EXCEEDED_ID_LIMIT", message))
}

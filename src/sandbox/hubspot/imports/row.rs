//! One row of an import: which records it means, whether it may, what it writes.

use std::collections::BTreeMap;

use rusqlite::params;
use serde_json::{Map, Value, json};

use super::super::association_types::AssociationType;
use super::super::associations::{self, TypeInput};
use super::super::errors::{ApiError, PropertyError};
use super::super::schema::{ObjectType, Property};
use super::super::store::{self, Stored};
use super::super::validate::{self, Checked};
use super::super::{ApiVersion, Work, gdpr, write};
use super::cell::{self, Dates};
use super::request::{Column, ImportRequest, Operation, Role};

/// What is wrong with a row, in the vendor's words for it.
#[derive(Clone, Debug)]
pub struct Flaw {
    error_type: &'static str,
    message: String,
    /// Number of the column, from 1.
    column: Option<usize>,
    value: Option<String>,
    object_type_id: Option<String>,
    object_type: Option<String>,
}

/// Why a row was not carried out.
pub enum Stop {
    Refused(Vec<Flaw>),
    /// The stand-in failed.
    Fault(Box<ApiError>),
}

/// What a row did.
#[derive(Debug, Default)]
pub struct Done {
    pub n_created: i64,
    pub n_updated: i64,
    pub n_values: i64,
    /// Values that were refused and left out, where that does not stop the row.
    pub flaws: Vec<Flaw>,
}

/// What every row of a file is carried out with.
pub struct Context<'a> {
    pub import: i64,
    pub request: &'a ImportRequest,
    pub version: ApiVersion,
    pub columns: &'a [Column<'a>],
    pub dates: Dates,
}

/// A record that a row wrote or meant.
struct Subject<'a> {
    object: &'a ObjectType,
    id: i64,
}

impl Flaw {
    pub fn new(error_type: &'static str, message: impl Into<String>) -> Self {
        Self {
            error_type,
            message: message.into(),
            column: None,
            value: None,
            object_type_id: None,
            object_type: None,
        }
    }

    fn at(mut self, column: usize, value: &str) -> Self {
        self.column = Some(column + 1);
        self.value = Some(value.to_owned());
        self
    }

    fn of(mut self, object: &ObjectType) -> Self {
        self.object_type_id = Some(object.id.clone());
        self.object_type = Some(object.legacy_name());
        self
    }

    /// Shows the flaw as an item of the errors endpoint, its id left out.
    pub fn view(&self, now: i64, line: i64, file_id: &str, cells: &[&str]) -> Value {
        let mut view = json!({
            "createdAt": now,
            "errorType": self.error_type,
            "errorMessage": self.message,
            "objectType": self.object_type.as_deref().unwrap_or("UNKNOWN"),
            "sourceData": {
                "lineNumber": line,
                "fileId": file_id.parse::<i64>().unwrap_or_default(),
                "rowData": cells,
                "containsEncryptedProperties": false,
            },
        });
        let optional = [
            ("objectTypeId", self.object_type_id.as_ref().map(|id| json!(id))),
            ("invalidValue", self.value.as_ref().map(|value| json!(value))),
            ("knownColumnNumber", self.column.map(|column| json!(column))),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                view[key] = value;
            }
        }
        view
    }
}

impl From<Flaw> for Stop {
    fn from(flaw: Flaw) -> Self {
        Self::Refused(vec![flaw])
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(Box::new(error.into()))
    }
}

/// A refusal that a batch would answer is a flaw of the row; anything else is the stand-in's.
impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        if error.status.is_server_error() {
            return Self::Fault(Box::new(error));
        }
        let detail = error.body.errors.first();
        let error_type = match detail.and_then(|detail| detail.code.as_deref()) {
            Some(code) => error_type(code),
            None if error.body.message.contains("already") => "DUPLICATE_UNIQUE_PROPERTY_VALUE",
            None => "FAILED_VALIDATION",
        };
        let message = detail.map_or(&error.body.message, |detail| &detail.message);
        Self::Refused(vec![Flaw::new(error_type, message.clone())])
    }
}

/// Returns the import's name for what a batch calls by `code`.
fn error_type(code: &str) -> &'static str {
    match code {
        "INVALID_EMAIL" => "INVALID_EMAIL",
        "INVALID_OPTION" => "INVALID_ENUMERATION_OPTION",
        "INVALID_LONG" => "COULD_NOT_PARSE_NUMBER",
        "INVALID_DATE" => "COULD_NOT_PARSE_DATE",
        "PROPERTY_DOESNT_EXIST" => "PROPERTY_DEFINITION_NOT_FOUND",
        "MISSING_REQUIRED_PROPERTY"
        | "MISSING_CONDITIONAL_REQUIRED_PROPERTY"
        | "REQUIRED_FIELD" => "MISSING_REQUIRED_PROPERTY",
        "CUSTOM_VALIDATION" => "INVALID_CUSTOM_PROPERTY_VALIDATION",
        _ => "FAILED_VALIDATION",
    }
}

/// Carries out one row, all of it or nothing.
pub fn carry_out(work: &Work<'_>, context: &Context<'_>, cells: &[&str]) -> Result<Done, Stop> {
    if cells.len() != context.columns.len() {
        return Err(Flaw::new(
            "INCORRECT_NUMBER_OF_COLUMNS",
            format!("{} columns, mapped are {}", cells.len(), context.columns.len()),
        )
        .into());
    }
    work.isolated(|| {
        let mut done = Done::default();
        let mut objects: Vec<&ObjectType> = Vec::new();
        for column in context.columns {
            if !objects.iter().any(|object| object.id == column.object.id) {
                objects.push(column.object);
            }
        }
        let mut subjects = Vec::new();
        for object in objects {
            if let Some(subject) = write_record(work, context, object, cells, &mut done)? {
                subjects.push(subject);
            }
        }
        link(work, context, cells, &subjects)?;
        Ok(done)
    })
}

/// Writes the row's record of one object; none when the row says nothing about one.
fn write_record<'a>(
    work: &Work<'_>,
    context: &Context<'_>,
    object: &'a ObjectType,
    cells: &[&str],
    done: &mut Done,
) -> Result<Option<Subject<'a>>, Stop> {
    let mut record_id = None;
    let mut key: Option<(&Property, &str, usize)> = None;
    let mut flaws = Vec::new();
    let mut sent = Map::new();
    let mut column_of = BTreeMap::new();
    for (at, (column, cell)) in context.columns.iter().zip(cells).enumerate() {
        if column.object.id != object.id {
            continue;
        }
        let is_blank = cell.trim().is_empty();
        match &column.role {
            Role::RecordId if !is_blank => record_id = Some((cell.trim(), at)),
            Role::Key(property) | Role::Value(property)
                if !is_blank && is_erased(work, object, property, cell)? =>
            {
                let flaw = Flaw::new("GDPR_BLACKLISTED_EMAIL", "the address was erased");
                return Err(flaw.at(at, cell).of(object).into());
            }
            Role::Key(property) if !is_blank => {
                key = Some((property, cell.trim(), at));
                sent.insert(property.name.clone(), json!(cell.trim()));
                column_of.insert(property.name.clone(), at);
            }
            Role::Value(property) if is_blank && work.settings.imports.blank_clears => {
                sent.insert(property.name.clone(), json!(""));
            }
            Role::Value(property) if !is_blank => {
                column_of.insert(property.name.clone(), at);
                match cell::value(work, object, property, cell, &context.dates)? {
                    Ok(value) => {
                        sent.insert(property.name.clone(), json!(value));
                    }
                    Err(flaw) => flaws.push(flaw.at(at, cell).of(object)),
                }
            }
            Role::Undefined(name) if !is_blank => flaws.push(
                Flaw::new(
                    "PROPERTY_DEFINITION_NOT_FOUND",
                    format!("Property \"{name}\" does not exist"),
                )
                .at(at, cell)
                .of(object),
            ),
            _ => {}
        }
    }
    if record_id.is_none() && sent.values().all(|value| value == "") && flaws.is_empty() {
        return Ok(None);
    }
    let found = find(work, context, object, record_id, key)?;
    if found.is_some()
        && let Some((property, ..)) = key
        && record_id.is_none()
    {
        // What the record was found by stays: it may be one of its other emails.
        sent.remove(&property.name);
    }
    let checked = check(work, context, object, sent, &column_of, &mut flaws, cells)?;
    if !flaws.is_empty() && work.settings.imports.bad_value_skips_row {
        return Err(Stop::Refused(flaws));
    }
    done.flaws.extend(flaws);
    done.n_values += store::sql_count(checked.values.len());
    let in_object = |stop| match stop {
        Stop::Refused(flaws) => {
            Stop::Refused(flaws.into_iter().map(|flaw| flaw.of(object)).collect())
        }
        fault @ Stop::Fault(_) => fault,
    };
    let id = if let Some(record) = found {
        validate::missing_on_update(work, object, &record, &checked.values, context.version)?;
        let written = write::update(work, object, record, checked).map_err(Stop::from);
        done.n_updated += 1;
        written.map_err(in_object)?.record.id
    } else {
        let made = create(work, context, object, checked).map_err(Stop::from);
        done.n_created += 1;
        made.map_err(in_object)?
    };
    note_keys(work, context, object, id, record_id.map(|(id, _)| id), key)?;
    Ok(Some(Subject { object, id }))
}

fn is_erased(
    work: &Work<'_>,
    object: &ObjectType,
    property: &Property,
    cell: &str,
) -> Result<bool, ApiError> {
    if object.is_contacts() && property.name == "email" {
        return gdpr::is_blocked(work, cell);
    }
    Ok(false)
}

/// Finds the record that a row means and refuses what the operation does not allow.
fn find(
    work: &Work<'_>,
    context: &Context<'_>,
    object: &ObjectType,
    record_id: Option<(&str, usize)>,
    key: Option<(&Property, &str, usize)>,
) -> Result<Option<Stored>, Stop> {
    let operation = context.request.operation(object);
    let (found, at, value) = if let Some((id, at)) = record_id {
        if is_taken(work, context, object, &format!("row {id}"))? {
            return Err(Flaw::new("DUPLICATE_OBJECT_ID", format!("{id} is in another row too"))
                .at(at, id)
                .of(object)
                .into());
        }
        let found = match id.parse() {
            Ok(id) => store::find(work.db, &object.id, id)?.filter(|record| !record.archived),
            Err(_) => None,
        };
        if found.is_none() {
            return Err(Flaw::new("INVALID_OBJECT_ID", format!("no record has the id {id}"))
                .at(at, id)
                .of(object)
                .into());
        }
        (found, at, id)
    } else if let Some((property, value, at)) = key {
        let name = format!("{} {}", property.name, value.to_lowercase());
        if is_taken(work, context, object, &name)? {
            return Err(Flaw::new(
                "DUPLICATE_ALTERNATE_ID",
                format!("{value} is in another row too"),
            )
            .at(at, value)
            .of(object)
            .into());
        }
        (find_by_key(work, object, property, value, at)?, at, value)
    } else {
        (None, 0, "")
    };
    let refused = match (operation, &found) {
        (Operation::Create, Some(record)) => {
            Some(("CREATE_ONLY_IMPORT", format!("record {} is there already", record.id)))
        }
        (Operation::Update, None) => {
            Some(("UPDATE_ONLY_IMPORT", "there is no record to update".to_owned()))
        }
        _ => None,
    };
    match refused {
        Some((error_type, message)) => {
            Err(Flaw::new(error_type, message).at(at, value).of(object).into())
        }
        None => Ok(found),
    }
}

fn find_by_key(
    work: &Work<'_>,
    object: &ObjectType,
    property: &Property,
    value: &str,
    at: usize,
) -> Result<Option<Stored>, Stop> {
    let id = if object.is_key(&property.name) {
        store::holder(work.db, &object.id, &property.name, value)?.map(|holder| holder.id)
    } else {
        let ids = store::by_natural_key(work.db, &object.id, &validate::bare_domain(value))?;
        if ids.len() > 1 {
            return Err(Flaw::new(
                "MULTIPLE_COMPANIES_WITH_THIS_DOMAIN",
                format!("{} companies have the domain {value}", ids.len()),
            )
            .at(at, value)
            .of(object)
            .into());
        }
        ids.first().copied()
    };
    Ok(match id {
        Some(id) => store::find(work.db, &object.id, id)?.filter(|record| !record.archived),
        None => None,
    })
}

/// Judges the values as a batch does; what is refused is listed and left out.
fn check(
    work: &Work<'_>,
    context: &Context<'_>,
    object: &ObjectType,
    mut sent: Map<String, Value>,
    column_of: &BTreeMap<String, usize>,
    flaws: &mut Vec<Flaw>,
    cells: &[&str],
) -> Result<Checked, Stop> {
    loop {
        match validate::check(work, object, &sent, context.version)? {
            Ok(checked) => return Ok(checked),
            Err(refused) => {
                for PropertyError { name, code, message, .. } in refused {
                    sent.remove(&name);
                    let flaw = Flaw::new(error_type(code), message).of(object);
                    flaws.push(match column_of.get(&name) {
                        Some(at) => flaw.at(*at, cells.get(*at).copied().unwrap_or_default()),
                        None => flaw,
                    });
                }
            }
        }
    }
}

fn create(
    work: &Work<'_>,
    context: &Context<'_>,
    object: &ObjectType,
    mut checked: Checked,
) -> Result<i64, ApiError> {
    validate::missing_on_create(work, object, &checked.values, context.version)?;
    if object.is_contacts()
        && context.request.marketable_contact_import
        && object.property("hs_marketable_status").is_some()
    {
        checked.values.insert("hs_marketable_status".to_owned(), "true".to_owned());
    }
    Ok(write::create(work, object, checked)?.record.id)
}

/// Associates the row's records: with one another, with those that columns name, and with those
/// of other files that share an identifier.
fn link(
    work: &Work<'_>,
    context: &Context<'_>,
    cells: &[&str],
    subjects: &[Subject<'_>],
) -> Result<(), Stop> {
    for (position, from) in subjects.iter().enumerate() {
        for to in subjects.iter().skip(position + 1) {
            let label =
                context.columns.iter().zip(cells).find_map(|(column, cell)| match &column.role {
                    Role::Label { to: object }
                        if column.object.id == from.object.id && object.id == to.object.id =>
                    {
                        Some(cell.trim()).filter(|label| !label.is_empty())
                    }
                    _ => None,
                });
            let types = types_for(work, from.object, to.object, label)?;
            associate(work, from.object, to.object, (from.id, to.id), &types)?;
        }
    }
    for (at, (column, cell)) in context.columns.iter().zip(cells).enumerate() {
        let Some(from) = subjects.iter().find(|one| one.object.id == column.object.id) else {
            continue;
        };
        let values = cell.split(';').map(str::trim).filter(|value| !value.is_empty());
        if let Role::Link { to, key, link_type } = &column.role {
            for value in values {
                let found = match key {
                    Some(key) => find_by_key(work, to, key, value, at)?,
                    None => match value.parse() {
                        Ok(id) => store::find(work.db, &to.id, id)?,
                        Err(_) => None,
                    },
                };
                let Some(record) = found.filter(|record| !record.archived) else {
                    return Err(Flaw::new(
                        "ASSOCIATION_RECORD_NOT_FOUND",
                        format!("no {} is known by {value}", to.singular()),
                    )
                    .at(at, value)
                    .of(from.object)
                    .into());
                };
                let types = match link_type {
                    Some(sent) => vec![(*sent).clone()],
                    None => associations::default_types(work, from.object, to)?,
                };
                associate(work, from.object, to, (from.id, record.id), &types)?;
            }
        } else if column.is_identifier && !cell.trim().is_empty() {
            link_by_identifier(work, context, from, cell.trim())?;
        }
    }
    Ok(())
}

fn types_for(
    work: &Work<'_>,
    from: &ObjectType,
    to: &ObjectType,
    label: Option<&str>,
) -> Result<Vec<TypeInput>, Stop> {
    let Some(label) = label else { return Ok(associations::default_types(work, from, to)?) };
    let known = work.schema.associations.between(&from.id, &to.id);
    let is_asked_for = |one: &&AssociationType| {
        one.label.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(label))
    };
    match known.iter().find(is_asked_for) {
        Some(one) => Ok(vec![TypeInput::from(one)]),
        None => Err(Flaw::new(
            "INVALID_ASSOCIATION_LABEL",
            format!("no association from {} to {} is labelled {label}", from.name, to.name),
        )
        .into()),
    }
}

fn associate(
    work: &Work<'_>,
    from: &ObjectType,
    to: &ObjectType,
    pair: (i64, i64),
    types: &[TypeInput],
) -> Result<(), Stop> {
    associations::link_pair(work, from, to, pair, types).map_err(|error| {
        if error.status.is_server_error() {
            return Stop::Fault(Box::new(error));
        }
        Flaw::new("FAILED_TO_CREATE_ASSOCIATION", error.body.message).of(from).into()
    })
}

fn link_by_identifier(
    work: &Work<'_>,
    context: &Context<'_>,
    subject: &Subject<'_>,
    value: &str,
) -> Result<(), Stop> {
    let key = format!("identifier {value}");
    let others: Vec<(String, i64)> = work
        .db
        .prepare_cached(
            "select object, id from import_keys
             where import = ?1 and key = ?2 and object <> ?3",
        )?
        .query_map(params![context.import, key, subject.object.id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    for (object, id) in others {
        let to = work.schema.object(&object)?;
        let types = associations::default_types(work, subject.object, to)?;
        associate(work, subject.object, to, (subject.id, id), &types)?;
    }
    note_key(work, context, &key, subject.object, subject.id)
}

/// Remembers what a row was known by, so that another row cannot mean the same record.
fn note_keys(
    work: &Work<'_>,
    context: &Context<'_>,
    object: &ObjectType,
    id: i64,
    record_id: Option<&str>,
    key: Option<(&Property, &str, usize)>,
) -> Result<(), Stop> {
    note_key(work, context, "written", object, id)?;
    if let Some(record_id) = record_id {
        note_key(work, context, &format!("row {record_id}"), object, id)?;
    }
    if let Some((property, value, _)) = key {
        let key = format!("{} {}", property.name, value.to_lowercase());
        note_key(work, context, &key, object, id)?;
    }
    Ok(())
}

fn note_key(
    work: &Work<'_>,
    context: &Context<'_>,
    key: &str,
    object: &ObjectType,
    id: i64,
) -> Result<(), Stop> {
    work.db
        .prepare_cached(
            "insert or ignore into import_keys (import, key, object, id) values (?1, ?2, ?3, ?4)",
        )?
        .execute(params![context.import, key, object.id, id])?;
    Ok(())
}

fn is_taken(
    work: &Work<'_>,
    context: &Context<'_>,
    object: &ObjectType,
    key: &str,
) -> Result<bool, Stop> {
    Ok(work
        .db
        .prepare_cached(
            "select exists (select 1 from import_keys
             where import = ?1 and key = ?2 and object = ?3)",
        )?
        .query_row(params![context.import, key, object.id], |row| row.get(0))?)
}

//! What an import asks for: operations, files, and what each column is.

use std::collections::BTreeMap;

use axum::extract::Multipart;
use axum::extract::multipart::MultipartError;
use csv::ByteRecord;
use serde::{Deserialize, Serialize};

use super::super::Work;
use super::super::associations::TypeInput;
use super::super::errors::ApiError;
use super::super::schema::{ObjectType, Property};
use super::super::store::sql_count;
use super::{FILE_BYTES_MAX, ROWS_PER_FILE_MAX};

/// Rows kept together in the database.
const ROWS_PER_PART: i64 = 1000;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportRequest {
    #[serde(default)]
    pub name: String,
    /// By object type; an object that is left out is upserted.
    #[serde(default)]
    pub import_operations: BTreeMap<String, Operation>,
    #[serde(default)]
    pub date_format: DateFormat,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    #[serde(default)]
    pub marketable_contact_import: bool,
    #[serde(default)]
    pub create_contact_list_from_import: bool,
    pub files: Vec<ImportFile>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    Create,
    Update,
    #[default]
    Upsert,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DateFormat {
    #[default]
    MonthDayYear,
    DayMonthYear,
    YearMonthDay,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportFile {
    pub file_name: String,
    #[serde(default = "csv_format")]
    pub file_format: String,
    /// Older requests say it for each file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_format: Option<DateFormat>,
    pub file_import_page: FilePage,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilePage {
    pub has_header: bool,
    pub column_mappings: Vec<Mapping>,
}

/// One column of a file, in its older and its newer spelling.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mapping {
    #[serde(alias = "columnObjectType")]
    column_object_type_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_column_object_type_id: Option<String>,
    column_name: String,
    property_name: Option<String>,
    #[serde(alias = "idColumnType")]
    column_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    foreign_key_type: Option<TypeInput>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    association_identifier_column: bool,
}

/// A file as it came.
pub struct Upload {
    name: String,
    data: Vec<u8>,
}

/// Rows of one file that lie together.
pub struct Part {
    pub file: usize,
    /// Number of the first row in its file, from 1, the header not counted.
    pub first_line: i64,
    pub n_rows: i64,
    /// CSV without a header.
    pub data: Vec<u8>,
}

/// A column with the definitions that it names.
pub struct Column<'a> {
    pub object: &'a ObjectType,
    pub role: Role<'a>,
    /// Rows of different files that have the same value here belong together.
    pub is_identifier: bool,
}

pub enum Role<'a> {
    /// The id of the row's own record.
    RecordId,
    /// A value that names the row's own record, and is one of its values.
    Key(&'a Property),
    Value(&'a Property),
    /// A property that is not defined.
    Undefined(&'a str),
    /// Records to associate the row's own with, by id or by a key.
    Link {
        to: &'a ObjectType,
        key: Option<&'a Property>,
        link_type: Option<&'a TypeInput>,
    },
    /// The label of the association between the row's records.
    Label {
        to: &'a ObjectType,
    },
    Ignored,
}

fn csv_format() -> String {
    "CSV".to_owned()
}

impl ImportRequest {
    /// Returns the object types that columns belong to, each once, in order of columns.
    pub fn object_type_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for mapping in self.files.iter().flat_map(|file| &file.file_import_page.column_mappings) {
            if !ids.contains(&mapping.column_object_type_id) {
                ids.push(mapping.column_object_type_id.clone());
            }
        }
        ids
    }

    /// Names the objects of the columns by their ids, whatever they were called.
    pub fn name_objects_by_id(&mut self, work: &Work<'_>) -> Result<(), ApiError> {
        for file in &mut self.files {
            for mapping in &mut file.file_import_page.column_mappings {
                let object = work.schema.object(&mapping.column_object_type_id)?;
                mapping.column_object_type_id.clone_from(&object.id);
            }
        }
        Ok(())
    }

    pub fn operation(&self, object: &ObjectType) -> Operation {
        let sent = [&object.id, &object.name, &object.legacy_name()]
            .into_iter()
            .find_map(|name| self.import_operations.get(name));
        sent.copied().unwrap_or_default()
    }
}

/// Reads the parts of the request, in whatever order they come.
pub async fn read(mut multipart: Multipart) -> Result<(ImportRequest, Vec<Upload>), ApiError> {
    let mut request = None;
    let mut uploads = Vec::new();
    while let Some(field) = multipart.next_field().await.map_err(|error| unreadable(&error))? {
        let name = field.file_name().map(str::to_owned);
        match (field.name(), name) {
            (Some("importRequest"), _) => {
                let text = field.bytes().await.map_err(|error| unreadable(&error))?;
                request = Some(super::super::parse::<ImportRequest>(&text)?);
            }
            (_, Some(name)) => {
                let data = field.bytes().await.map_err(|error| unreadable(&error))?.to_vec();
                uploads.push(Upload { name, data });
            }
            _ => {}
        }
    }
    match request {
        Some(request) => Ok((request, uploads)),
        None => Err(ApiError::invalid("Invalid input: the part importRequest is missing")),
    }
}

fn unreadable(error: &MultipartError) -> ApiError {
    ApiError::invalid(format!("Invalid input: {}", error.body_text()))
}

/// Checks the files against what the request says of them and cuts them into parts.
pub fn split(
    work: &Work<'_>,
    request: &ImportRequest,
    uploads: &[Upload],
) -> Result<Vec<Part>, ApiError> {
    if request.files.is_empty() {
        return Err(ApiError::invalid("Invalid input: the import has no files"));
    }
    let mut parts = Vec::new();
    for (at, file) in request.files.iter().enumerate() {
        let upload =
            uploads.iter().find(|upload| upload.name == file.file_name).ok_or_else(|| {
                ApiError::invalid(format!("Invalid input: no file named {}", file.file_name))
            })?;
        if file.file_format != "CSV" {
            return Err(ApiError::invalid(format!(
                "Invalid input: this stand-in reads the format CSV only, not {}",
                file.file_format
            )));
        }
        if upload.data.len() > FILE_BYTES_MAX {
            return Err(ApiError::rate_limited("FILE_SIZE", "import file size"));
        }
        columns(work, file)?;
        split_file(at, file, &upload.data, &mut parts)?;
    }
    Ok(parts)
}

fn split_file(
    at: usize,
    file: &ImportFile,
    data: &[u8],
    parts: &mut Vec<Part>,
) -> Result<(), ApiError> {
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(data);
    let mut row = ByteRecord::new();
    let mut next = |row: &mut ByteRecord| {
        let is_there = reader.read_byte_record(row).map_err(|error| {
            ApiError::invalid(format!("Invalid input: {} is no CSV: {error}", file.file_name))
        })?;
        let end = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        Ok::<_, ApiError>(is_there.then_some(end))
    };
    let mut start = 0;
    if file.file_import_page.has_header {
        let end = next(&mut row)?;
        check_header(file, &row)?;
        start = end.unwrap_or_default();
    }
    let (mut n_rows, mut n_rows_before) = (0, 0);
    let mut end = start;
    let mut cut = |start: usize, end: usize, n_rows: i64, n_rows_before: i64| {
        let data = data.get(start..end).unwrap_or_default().to_vec();
        parts.push(Part { file: at, first_line: n_rows_before + 1, n_rows, data });
    };
    while let Some(row_end) = next(&mut row)? {
        n_rows += 1;
        end = row_end;
        if n_rows == ROWS_PER_PART {
            cut(start, end, n_rows, n_rows_before);
            n_rows_before += n_rows;
            (start, n_rows) = (end, 0);
        }
    }
    if n_rows > 0 {
        cut(start, end, n_rows, n_rows_before);
    }
    if n_rows_before + n_rows > sql_count(ROWS_PER_FILE_MAX) {
        return Err(ApiError::rate_limited("FILE_ROWS", "import file row"));
    }
    Ok(())
}

/// Every column is mapped, in the file's order and by its exact name.
fn check_header(file: &ImportFile, header: &ByteRecord) -> Result<(), ApiError> {
    let found: Vec<String> =
        header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let mapped: Vec<&str> =
        file.file_import_page.column_mappings.iter().map(|one| one.column_name.as_str()).collect();
    if found == mapped {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "Invalid input: the columns of {} are [{}], mapped are [{}]",
        file.file_name,
        found.join(", "),
        mapped.join(", ")
    )))
}

/// Finds the definitions that a file's columns name.
///
/// # Errors
/// 400 for an unknown object, a key that is not unique, and an association that does not exist.
pub fn columns<'a>(work: &'a Work<'_>, file: &'a ImportFile) -> Result<Vec<Column<'a>>, ApiError> {
    let mappings = &file.file_import_page.column_mappings;
    let own: Vec<&ObjectType> = mappings
        .iter()
        .map(|mapping| work.schema.object(&mapping.column_object_type_id))
        .collect::<Result<_, _>>()?;
    let mut columns = Vec::with_capacity(mappings.len());
    for (mapping, object) in mappings.iter().zip(&own) {
        let (object, role) = role(work, mapping, object, &own)?;
        columns.push(Column { object, role, is_identifier: mapping.association_identifier_column });
    }
    Ok(columns)
}

fn role<'a>(
    work: &'a Work<'_>,
    mapping: &'a Mapping,
    object: &'a ObjectType,
    objects_of_file: &[&'a ObjectType],
) -> Result<(&'a ObjectType, Role<'a>), ApiError> {
    let property = mapping.property_name.as_deref().map(|name| (name, object.property(name)));
    let kind = mapping.column_type.as_deref().unwrap_or("STANDARD");
    let is_id = ["HUBSPOT_OBJECT_ID", "HUBSPOT_ALTERNATE_ID", "ASSOCIATION_KEYS"].contains(&kind);
    let is_link = mapping.to_column_object_type_id.is_some()
        || mapping.foreign_key_type.is_some()
        || kind == "ASSOCIATION_KEYS";
    if is_id && is_link {
        return link(work, mapping, object, objects_of_file);
    }
    let role = match (kind, property) {
        ("HUBSPOT_OBJECT_ID", _) => Role::RecordId,
        ("HUBSPOT_ALTERNATE_ID", Some((_, Some(property)))) if is_natural_key(object, property) => {
            Role::Key(property)
        }
        ("HUBSPOT_ALTERNATE_ID", Some((name, Some(_)))) => {
            return Err(ApiError::key_not_unique(&object.id, name));
        }
        ("FLEXIBLE_ASSOCIATION_LABEL", _) => {
            let to = mapping.to_column_object_type_id.as_deref().unwrap_or_default();
            Role::Label { to: work.schema.object(to)? }
        }
        ("EVENT_TIMESTAMP", _) | (_, None) => Role::Ignored,
        (_, Some((_, Some(property)))) => Role::Value(property),
        (_, Some((name, None))) => Role::Undefined(name),
    };
    Ok((object, role))
}

/// An import finds companies by their domain too, though it is not unique.
fn is_natural_key(object: &ObjectType, property: &Property) -> bool {
    object.is_key(&property.name) || (object.id == "0-2" && property.name == "domain")
}

/// Finds out which record a column of foreign ids is linked to, and from which.
///
/// Without `toColumnObjectTypeId` the type of the association tells; the column then belongs to
/// either end of it.
fn link<'a>(
    work: &'a Work<'_>,
    mapping: &'a Mapping,
    object: &'a ObjectType,
    objects_of_file: &[&'a ObjectType],
) -> Result<(&'a ObjectType, Role<'a>), ApiError> {
    let link_type = mapping.foreign_key_type.as_ref();
    let is_of_type = |from: &ObjectType, to: &ObjectType| {
        link_type.is_some_and(|sent| {
            let known = &work.schema.associations;
            known.find(&from.id, &to.id, sent.association_type_id).is_some()
        })
    };
    let (from, to) = if let Some(to) = &mapping.to_column_object_type_id {
        (object, work.schema.object(to)?)
    } else if link_type.is_none() {
        (object, object)
    } else if let Some(to) = work.schema.objects.iter().find(|to| is_of_type(object, to)) {
        (object, to)
    } else if let Some(from) = objects_of_file.iter().find(|from| is_of_type(from, object)) {
        (*from, object)
    } else {
        return Err(ApiError::invalid(format!(
            "Invalid input: the association type of column {} is not known",
            mapping.column_name
        )));
    };
    if link_type.is_some() && !is_of_type(from, to) {
        return Err(ApiError::invalid(format!(
            "Invalid input: the association type of column {} does not lead from {} to {}",
            mapping.column_name, from.id, to.id
        )));
    }
    let key = match (mapping.column_type.as_deref(), &mapping.property_name) {
        (Some("HUBSPOT_ALTERNATE_ID"), Some(name)) => Some(
            to.property(name)
                .filter(|property| is_natural_key(to, property))
                .ok_or_else(|| ApiError::key_not_unique(&to.id, name))?,
        ),
        _ => None,
    };
    Ok((from, Role::Link { to, key, link_type }))
}

//! Holds a record's JSON against the schema and turns it into cells, or refuses it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::Value as Cell;
use serde_json::{Map, Value};

use super::errors::Fault;
use super::org::Org;
use super::schema::{Field, FieldKind, Object};
use super::{ids, references, wire};

/// What a write is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Create,
    Update,
}

/// A field's position among its object's fields, and its new value.
pub type Change = (usize, Cell);

/// Checks the fields of a record's JSON.
///
/// `attributes` and the key `id` of collections are passed over.
///
/// # Errors
/// The first fault the vendor would report.
pub fn changes(
    org: &Org<'_>,
    object: &Object,
    body: &Map<String, Value>,
    mode: Mode,
) -> Result<Vec<Change>, Fault> {
    let mut given = Vec::new();
    for (key, value) in body {
        if key == "attributes" || key.eq_ignore_ascii_case("id") {
            continue;
        }
        if let (Value::Object(parent), None) = (value, object.field(key)) {
            given.push(references::by_external_id(org, object, key, parent)?);
            continue;
        }
        let index = object.position(key).filter(|_| object.field(key).is_some());
        let field = index.and_then(|index| object.fields.get(index));
        let (Some(index), Some(field)) = (index, field) else {
            let message = format!("No such column '{key}' on sobject of type {}", object.name);
            return Err(Fault::new(400, "INVALID_FIELD", message));
        };
        given.push((index, parse(field, value)?));
    }
    refuse_read_only(object, &given, mode)?;
    for (index, cell) in &mut given {
        if let Some(field) = object.fields.get(*index) {
            check(org, object, field, cell)?;
        }
    }
    Ok(given)
}

/// Refuses a record that lacks a field it must have.
///
/// `cells` is the record as it is going to be.
pub fn require(object: &Object, cells: &[Cell]) -> Result<(), Fault> {
    let missing: Vec<&str> = object
        .fields
        .iter()
        .zip(cells)
        .filter(|(field, cell)| field.is_required() && **cell == Cell::Null)
        .map(|(field, _)| field.name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("Required fields are missing: [{}]", missing.join(", "));
    Err(Fault::row("REQUIRED_FIELD_MISSING", message, &missing))
}

/// Refuses a value that another record already holds in a unique field.
pub fn require_unique(
    org: &Org<'_>,
    object: &Object,
    changes: &[Change],
    own_row: Option<i64>,
) -> Result<(), Fault> {
    for (index, cell) in changes {
        let Some(field) = object.fields.get(*index).filter(|field| field.is_unique) else {
            continue;
        };
        if *cell == Cell::Null {
            continue;
        }
        let holder =
            org.rows_by(object, field, cell)?.into_iter().find(|row| Some(row.row) != own_row);
        if let Some(holder) = holder {
            let message = format!(
                "duplicate value found: {} duplicates value on record with id: {}",
                field.name,
                ids::short(holder.id(object))
            );
            return Err(Fault::row("DUPLICATE_VALUE", message, &[]));
        }
    }
    Ok(())
}

/// Refuses a restricted value that does not fit the record's type or its controlling picklist.
///
/// `cells` is the record as it is going to be.
pub fn require_fitting(
    org: &Org<'_>,
    object: &Object,
    changes: &[Change],
    cells: &[Cell],
) -> Result<(), Fault> {
    let text = |field: &str| match object.position(field).and_then(|index| cells.get(index)) {
        Some(Cell::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let record_type = text("RecordTypeId");
    let rule = org.rules.record_types.iter().find(|rule| {
        rule.object.eq_ignore_ascii_case(&object.name) && record_type == Some(rule.id.as_str())
    });
    for (index, cell) in changes {
        let Some(field) = object.fields.get(*index).filter(|field| field.is_restricted) else {
            continue;
        };
        let Cell::Text(value) = cell else { continue };
        let allowed = rule.and_then(|rule| {
            let mut lists = rule.picklists.iter();
            lists.find(|(name, _)| name.eq_ignore_ascii_case(&field.name)).map(|(_, own)| own)
        });
        let is_of_type = |value: &str| {
            allowed.is_none_or(|allowed| allowed.iter().any(|own| own.eq_ignore_ascii_case(value)))
        };
        let controller = field.controller.as_deref().and_then(|name| object.field(name));
        let is_controlled = |value: &str| {
            controller
                .is_none_or(|controller| fits(field, value, controller, text(&controller.name)))
        };
        let unfit = value
            .split(if field.kind == FieldKind::MultiPicklist { ';' } else { '\u{0}' })
            .find(|value| !is_of_type(value) || !is_controlled(value));
        if let Some(value) = unfit {
            return Err(bad_picklist_value(field, value));
        }
    }
    Ok(())
}

/// Tells whether a dependent value fits the value of its controlling picklist.
fn fits(field: &Field, value: &str, controller: &Field, controlling: Option<&str>) -> bool {
    let bits = field
        .picklist
        .iter()
        .find(|item| item.value.eq_ignore_ascii_case(value))
        .and_then(|item| STANDARD.decode(item.valid_for.as_deref()?).ok());
    let Some(bits) = bits else { return true };
    let index = controlling.and_then(|controlling| {
        controller.picklist.iter().position(|item| item.value.eq_ignore_ascii_case(controlling))
    });
    index.is_some_and(|index| {
        bits.get(index / 8).is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0)
    })
}

fn bad_picklist_value(field: &Field, value: &str) -> Fault {
    let message = format!("{}: bad value for restricted picklist field: {value}", field.label);
    Fault::row("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, &[&field.name])
}

fn refuse_read_only(object: &Object, given: &[Change], mode: Mode) -> Result<(), Fault> {
    let refused: Vec<&str> = given
        .iter()
        .filter_map(|(index, _)| object.fields.get(*index))
        .filter(|field| match mode {
            Mode::Create => !field.is_createable,
            Mode::Update => !field.is_updateable,
        })
        .map(|field| field.name.as_str())
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Unable to create/update fields: {}. Please check the security settings of this field and \
         verify that it is read/write for your profile or permission set.",
        refused.join(", ")
    );
    Err(Fault::row("INVALID_FIELD_FOR_INSERT_UPDATE", message, &refused))
}

/// Turns a JSON value into the field's stored form.
///
/// # Errors
/// When the value is of another type.
pub fn parse(field: &Field, value: &Value) -> Result<Cell, Fault> {
    let of_wrong_shape = |found: &str, shown: String| {
        let wanted = field.described.get("type").and_then(Value::as_str).unwrap_or("string");
        Fault::json(format!(
            "Cannot deserialize instance of {wanted} from {found} value {shown} or request may be \
             missing a required field at [line:1, column:2]"
        ))
    };
    match value {
        Value::Null => Ok(wire::empty(field.kind)),
        Value::Object(_) => Err(of_wrong_shape("START_OBJECT", "{".to_owned())),
        Value::Array(_) => Err(of_wrong_shape("START_ARRAY", "[".to_owned())),
        Value::Bool(flag) if field.kind == FieldKind::Boolean => {
            Ok(Cell::Integer(i64::from(*flag)))
        }
        Value::Bool(flag) => {
            Err(of_wrong_shape(if *flag { "VALUE_TRUE" } else { "VALUE_FALSE" }, flag.to_string()))
        }
        Value::Number(number) => match field.kind {
            FieldKind::Int => {
                number.as_i64().map(Cell::Integer).ok_or_else(|| wrong_type(field, value))
            }
            FieldKind::Number => {
                number.as_f64().map(Cell::Real).ok_or_else(|| wrong_type(field, value))
            }
            _ => Err(of_wrong_shape("VALUE_NUMBER", number.to_string())),
        },
        Value::String(text) if field.kind.is_id() && !text.is_empty() => {
            ids::normalize(text).map(Cell::Text).ok_or_else(|| references::malformed(field, text))
        }
        Value::String(text) => {
            wire::parse_text(field.kind, text).ok_or_else(|| wrong_type(field, value))
        }
    }
}

fn wrong_type(field: &Field, value: &Value) -> Fault {
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let message = format!("{}: value not of required type: {shown}", field.label);
    Fault::row("INVALID_TYPE_ON_FIELD_IN_RECORD", message, &[&field.name])
}

/// Checks a value of the right type, putting it into the form that is kept.
fn check(org: &Org<'_>, object: &Object, field: &Field, cell: &mut Cell) -> Result<(), Fault> {
    match cell {
        Cell::Real(number) if field.kind == FieldKind::Number => check_number(field, number),
        Cell::Integer(number) if field.kind == FieldKind::Int => {
            if i32::try_from(*number).is_ok() {
                Ok(())
            } else {
                Err(out_of_range(field, number))
            }
        }
        Cell::Text(text) => match field.kind {
            FieldKind::Reference => references::check(org, object, field, text),
            FieldKind::Picklist => check_picklist(org, object, field, text),
            FieldKind::MultiPicklist => check_multi_picklist(org, object, field, text),
            FieldKind::Email => {
                check_length(field, text)?;
                if is_email(text) {
                    return Ok(());
                }
                let message = format!("{}: invalid email address: {text}", field.label);
                Err(Fault::row("INVALID_EMAIL_ADDRESS", message, &[&field.name]))
            }
            FieldKind::Text => check_length(field, text),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn check_length(field: &Field, text: &str) -> Result<(), Fault> {
    if field.length == 0 || text.chars().count() <= field.length {
        return Ok(());
    }
    let message =
        format!("{}: data value too large: {text} (max length={})", field.label, field.length);
    Err(Fault::row("STRING_TOO_LONG", message, &[&field.name]))
}

fn check_number(field: &Field, number: &mut f64) -> Result<(), Fault> {
    let power = |digits: usize| 10_f64.powi(i32::try_from(digits).unwrap_or(18));
    let whole_digits = field.precision.saturating_sub(field.scale);
    if field.precision > 0 && number.abs() >= power(whole_digits) {
        return Err(out_of_range(field, number));
    }
    // Digits behind the scale are rounded away, as the vendor does on saving.
    let factor = power(field.scale);
    if field.precision > 0 && number.abs() * factor < 1.0e15 {
        *number = (*number * factor).round() / factor;
    }
    Ok(())
}

fn out_of_range(field: &Field, number: &impl ToString) -> Fault {
    let message = format!(
        "{}: value outside of valid range on numeric field: {}",
        field.label,
        number.to_string()
    );
    Fault::row("NUMBER_OUTSIDE_VALID_RANGE", message, &[&field.name])
}

fn check_picklist(
    org: &Org<'_>,
    object: &Object,
    field: &Field,
    text: &mut String,
) -> Result<(), Fault> {
    let listed = field.picklist.iter().find(|item| item.value.eq_ignore_ascii_case(text));
    if let Some(item) = listed.filter(|item| item.is_active || !field.is_restricted) {
        text.clone_from(&item.value);
        return Ok(());
    }
    if field.is_restricted {
        return Err(bad_picklist_value(field, text));
    }
    check_length(field, text)?;
    if field.picklist.is_empty() {
        return Ok(());
    }
    match org.added_picklist_value(object, field, text)? {
        Some(known) => *text = known,
        None => org.add_picklist_value(object, field, text)?,
    }
    Ok(())
}

fn check_multi_picklist(
    org: &Org<'_>,
    object: &Object,
    field: &Field,
    text: &mut String,
) -> Result<(), Fault> {
    let mut values = Vec::new();
    for value in text.split(';').map(str::trim).filter(|value| !value.is_empty()) {
        let mut value = value.to_owned();
        check_picklist(org, object, field, &mut value)?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    *text = values.join(";");
    check_length(field, text)
}

/// Tells an address the vendor takes: one `@`, a dotted domain, no blanks.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| {
                c.is_whitespace()
                    || matches!(c, '@' | ',' | ';' | '(' | ')' | '<' | '>' | '"' | ':')
            })
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
    };
    is_plain(local)
        && is_plain(domain)
        && domain.contains('.')
        && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn tells_email_addresses() {
        for good in ["a@b.co", "first.last+tag@mail.example.com", "o'neil@ex-ample.org"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["foo@", "foo", "a b@c.de", "a@b", "a@@b.co", ".a@b.co", "a@b..co"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}

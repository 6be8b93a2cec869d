//! Whether the map's type of a field is one that both vendors' fields can hold.

use serde_json::Value;

use crate::config::{Entity, Field, FieldType};
use crate::crm::CrmKind;
use crate::schema::FieldInfo;

use super::finding::Findings;
use super::flows::{ends, flows};
use super::{Metadata, Place, Severity, vendor};

/// What a vendor's field holds, alike for both vendors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Text,
    Number,
    Bool,
    Date,
    Datetime,
    /// One of a list.
    Single,
    /// Several of a list.
    Multi,
    /// A user, queue or HubSpot owner.
    User,
    /// A record's id.
    Reference,
    /// What no type of the map stands for: an address, a place, a file.
    Other,
}

impl Shape {
    /// Says what it is, after "holds".
    fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Bool => "yes or no",
            Self::Date => "a day",
            Self::Datetime => "an instant",
            Self::Single => "one value of a list",
            Self::Multi => "several values of a list",
            Self::User => "a user",
            Self::Reference => "another record's id",
            Self::Other => "something that no type of the map stands for",
        }
    }
}

/// Reads a field's shape from its metadata.
pub fn shape(kind: CrmKind, info: &FieldInfo) -> Shape {
    match kind {
        CrmKind::HubSpot => hubspot_shape(info),
        CrmKind::Salesforce => salesforce_shape(info),
    }
}

fn hubspot_shape(info: &FieldInfo) -> Shape {
    match info.vendor_type.as_str() {
        "string" | "phone_number" => Shape::Text,
        "number" => Shape::Number,
        "bool" => Shape::Bool,
        "date" => Shape::Date,
        "datetime" => Shape::Datetime,
        "enumeration" if info.references.as_deref() == Some("OWNER") => Shape::User,
        "enumeration" => match text_of(info, "fieldType").as_deref() {
            Some("checkbox") => Shape::Multi,
            Some("booleancheckbox") => Shape::Bool,
            _ => Shape::Single,
        },
        _ => Shape::Other,
    }
}

fn salesforce_shape(info: &FieldInfo) -> Shape {
    match info.vendor_type.as_str() {
        "string" | "textarea" | "email" | "phone" | "url" | "encryptedstring" => Shape::Text,
        "int" | "long" | "double" | "currency" | "percent" => Shape::Number,
        "boolean" => Shape::Bool,
        "date" => Shape::Date,
        "datetime" => Shape::Datetime,
        "picklist" | "combobox" => Shape::Single,
        "multipicklist" => Shape::Multi,
        "reference" => {
            let is_user = |references: &str| references.split(';').any(|name| name == "User");
            // An owner's references are left out by the sandbox's plainest definitions.
            let is_owner = info.field == "OwnerId";
            if is_owner || info.references.as_deref().is_some_and(is_user) {
                Shape::User
            } else {
                Shape::Reference
            }
        }
        "id" => Shape::Reference,
        _ => Shape::Other,
    }
}

/// Says whether Salesforce finds records by this field.
pub fn is_external_id(info: &FieldInfo) -> bool {
    definition(info).is_some_and(|json| json["externalId"] == Value::Bool(true))
}

/// Returns a text of the vendor's own definition.
pub fn text_of(info: &FieldInfo, key: &str) -> Option<String> {
    definition(info)?.get(key)?.as_str().map(str::to_owned)
}

pub fn definition(info: &FieldInfo) -> Option<Value> {
    info.definition.as_deref().and_then(|text| serde_json::from_str(text).ok())
}

pub fn judge(entity: &Entity, field: &Field, metadata: &Metadata, findings: &mut Findings) {
    let place = Place::field(entity, field);
    let flows = flows(entity, field);
    for (kind, object, name) in ends(entity, field) {
        let Some(info) = metadata.schema(kind).and_then(|schema| schema.field(object, name)) else {
            continue;
        };
        let is_written =
            flows.iter().any(|f| f.to == kind && f.to_object == object && f.to_field == name);
        let is_read =
            flows.is_empty() || flows.iter().any(|f| f.from() == kind && f.from_object == object);
        let found = shape(kind, info);
        let about = format!("{object}.{name}");
        let Some((weight, why, todo)) = misfit(field, found, is_read, is_written) else { continue };
        // What is only compared spoils no record.
        let weight = if flows.is_empty() { weight.max(Severity::Warning) } else { weight };
        let sentence = format!(
            "type is `{}`, {} holds {}: {why}: {{}}",
            field.field_type.as_str(),
            vendor(kind),
            found.words()
        );
        findings.about((weight, "type_mismatch"), &place, &about, sentence, todo);
    }
    for flow in &flows {
        let schemas = (metadata.schema(flow.from()), metadata.schema(flow.to));
        let (Some(from), Some(to)) = schemas else { continue };
        let from = from.field(flow.from_object, flow.from_field);
        let to_info = to.field(flow.to_object, flow.to_field);
        let (Some(from), Some(to_info)) = (from, to_info) else { continue };
        length(field, from, to_info, &place, &flow.target(), findings);
        digits(field, from, to_info, &place, &flow.target(), findings);
    }
}

type Misfit = Option<(Severity, &'static str, &'static str)>;

/// Judges one end: how much it weighs, why, and what to do; `None` where the type fits.
fn misfit(field: &Field, found: Shape, is_read: bool, is_written: bool) -> Misfit {
    use FieldType as T;
    use Severity::{Error, Warning};
    use Shape as S;
    let other =
        Some((Error, "neither can stand for the other", "correct the type, or map another field"));
    if found == S::Other {
        return other;
    }
    match (field.field_type, found) {
        // Fits.
        (T::Text | T::Email | T::Phone | T::Country, S::Text)
        | (T::Picklist | T::Country, S::Single)
        | (T::MultiPicklist, S::Multi)
        | (T::Bool | T::Consent, S::Bool)
        | (T::Number | T::Currency | T::Percent, S::Number)
        | (T::Date, S::Date)
        | (T::Datetime, S::Datetime)
        | (T::Owner, S::User)
        | (T::Reference, S::Reference | S::User | S::Text | S::Number) => None,

        (T::Text | T::Email | T::Phone, S::Single | S::Multi) => is_written.then_some((
            Error,
            "text that the list does not have is refused, or stored without a word",
            "write `type = \"picklist\"`, with `values` where the words differ",
        )),
        (T::Text | T::Email | T::Phone, _) if is_written => {
            Some((Error, "it takes no text", "write the type that the field has"))
        }
        (T::Text | T::Email | T::Phone, _) => Some((
            Warning,
            "two spellings of one value would count as different",
            "write the type that the field has",
        )),

        (T::Picklist, S::Multi) => Some((
            Error,
            "a record with two values has none that the map could name",
            "write `type = \"multi_picklist\"`",
        )),
        (T::MultiPicklist, S::Single) => is_written.then_some((
            Error,
            "a record with two values cannot be written there",
            "map a field that takes several, or let that side be the owner",
        )),
        (T::Picklist | T::MultiPicklist, S::Text) if !is_read => None,
        (T::Picklist | T::MultiPicklist, S::Text) => Some((
            Warning,
            "it is free text, and what the map does not list is held back",
            "make a picklist there, or write `type = \"text\"`",
        )),

        (
            T::Bool | T::Consent | T::Number | T::Currency | T::Percent | T::Date | T::Datetime,
            S::Text,
        ) => Some(match (is_read, is_written) {
            (true, _) => (
                Warning,
                "what cannot be read as the type is held back",
                "clean it, or make a field of the right type",
            ),
            _ => (
                Warning,
                "it is stored as text, and reports cannot reckon with it",
                "make a field of the right type there",
            ),
        }),

        (T::Date, S::Datetime) if field.zone.is_none() => Some((
            Error,
            "without a zone nobody can say on which day an instant falls",
            "add `zone`, such as `zone = \"America/New_York\"`",
        )),
        // It goes there as the day's beginning in the zone.
        (T::Date, S::Datetime) => None,
        (T::Datetime, S::Date) => Some((
            Error,
            "a day is no instant",
            "write `type = \"date\"`, with the `zone` in which the instant becomes a day",
        )),
        _ => other,
    }
}

/// Judges whether values longer than the target takes can occur.
fn length(
    field: &Field,
    from: &FieldInfo,
    to: &FieldInfo,
    place: &Place,
    target: &str,
    findings: &mut Findings,
) {
    let is_text = matches!(
        field.field_type,
        FieldType::Text | FieldType::Email | FieldType::Country | FieldType::Reference
    );
    let Some(max) = to.length_max.filter(|_| is_text) else { return };
    // An address and a country are short in every CRM.
    let is_short = matches!(field.field_type, FieldType::Email | FieldType::Country) && max >= 80;
    if is_short || from.length_max.is_some_and(|length| length <= max) {
        return;
    }
    let (sentence, todo) = if field.truncate {
        (
            format!("values are cut, and marked, after the {max} characters of {{}}"),
            "nothing, if that is what you want",
        )
    } else {
        (
            format!("values are held back past the {max} characters of {{}}"),
            "add `truncate = true` to cut them, or make the field longer",
        )
    };
    findings.about((Severity::Note, "length"), place, target, sentence, todo);
}

/// Judges whether a number keeps its digits.
fn digits(
    field: &Field,
    from: &FieldInfo,
    to: &FieldInfo,
    place: &Place,
    target: &str,
    findings: &mut Findings,
) {
    if !matches!(field.field_type, FieldType::Number | FieldType::Currency | FieldType::Percent) {
        return;
    }
    let Some(kept) = to.scale else { return };
    if from.scale.is_some_and(|digits| digits <= kept)
        || field.scale.is_some_and(|scale| i64::from(scale) <= kept)
    {
        return;
    }
    let weight = if field.owner.is_both_ways() { Severity::Error } else { Severity::Warning };
    let sentence = format!(
        "numbers with more than {kept} digits after the point come back rounded, and count as different, in {{}}"
    );
    let todo = format!("add `scale = {kept}`");
    findings.about((weight, "digits_lost"), place, target, sentence, todo);
}

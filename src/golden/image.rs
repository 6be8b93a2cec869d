//! What a value is under its type, and what it becomes on the other side.

use std::collections::BTreeSet;
use std::fmt;

use jiff::tz::TimeZone;

use super::country::country_code;
use super::decimal;
use super::moment::{parse_date, parse_timestamp, whole_seconds};
use super::registry::{FieldRegistry, MappedField};
use crate::config::{FieldType, PercentForm};
use crate::crm::CrmKind;
use crate::identity::keys::phone_value;
use crate::schema::UserType;

/// Why a value cannot be read, mapped or written. The text is the reason code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// The value is not of the field's type.
    DoesNotCast,
    /// The field map gives the value no counterpart.
    ValueUnmapped,
    /// No user of the other side has this owner's e-mail address.
    OwnerUnmapped,
    /// The counterpart of this owner has left.
    OwnerInactive,
    /// The target's metadata does not show the field: absent, or hidden from this connection.
    NotVisible,
    /// The connection may not write the field.
    NotWritable,
    /// Longer than the target allows.
    TooLong,
    /// The target refuses values that its picklist does not list.
    WouldBeRefused,
    /// The target's picklist lists the value, but no longer takes it.
    WouldBeRefusedInactive,
    /// The target would store a value that its picklist does not list.
    WouldBeAcceptedSilently,
}

impl Problem {
    pub fn code(self) -> &'static str {
        match self {
            Self::DoesNotCast => "does_not_cast",
            Self::ValueUnmapped => "value_unmapped",
            Self::OwnerUnmapped => "owner_unmapped",
            Self::OwnerInactive => "owner_inactive",
            Self::NotVisible => "not_visible",
            Self::NotWritable => "not_writable",
            Self::TooLong => "too_long",
            Self::WouldBeRefused => "would_be_refused",
            Self::WouldBeRefusedInactive => "would_be_refused_inactive",
            Self::WouldBeAcceptedSilently => "would_be_accepted_silently",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What would be written, or why not.
pub type Image = Result<Option<String>, Problem>;

/// Returns the canonical text of a raw value: equal texts are equal values. `None` is blank.
///
/// # Errors
/// When the value is not of the type or has no counterpart; the caller must then treat it as
/// filled and different from everything.
pub fn canonical(
    registry: &FieldRegistry,
    mapped: &MappedField,
    side: CrmKind,
    raw: &str,
) -> Image {
    let field = &mapped.field;
    let text = raw.trim();
    if text.is_empty() {
        // Where the map says that blank is `false`, it is that value and travels as it.
        return Ok(field.blank_is_false.then(|| "false".to_owned()));
    }
    let value = match field.field_type {
        FieldType::Text | FieldType::Reference => text.to_owned(),
        FieldType::Email => text.to_lowercase(),
        FieldType::Country => {
            // A name that the map lists is that country; others are known by their ISO code.
            let text = match side {
                CrmKind::Salesforce => mapped.field.to_hubspot(text).unwrap_or(text),
                CrmKind::HubSpot => text,
            };
            country_code(text).unwrap_or_else(|| text.to_lowercase())
        }
        FieldType::Phone => {
            phone_value(text, &registry.phone_region).unwrap_or_else(|| text.to_owned())
        }
        FieldType::Picklist => to_hubspot_value(registry, mapped, side, text)?,
        FieldType::MultiPicklist => {
            let values = text
                .split(';')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| to_hubspot_value(registry, mapped, side, part))
                .collect::<Result<BTreeSet<String>, Problem>>()?;
            values.into_iter().collect::<Vec<_>>().join(";")
        }
        FieldType::Bool => truth(text)?.to_owned(),
        FieldType::Consent => {
            let value = match side {
                CrmKind::Salesforce => mapped.field.to_hubspot(text).unwrap_or(text),
                CrmKind::HubSpot => text,
            };
            truth(value)?.to_owned()
        }
        FieldType::Number | FieldType::Currency => {
            decimal::normalize(text, field.scale).ok_or(Problem::DoesNotCast)?
        }
        FieldType::Percent => {
            let places = percent_places(mapped, side);
            decimal::shifted(text, places, mapped.field.scale).ok_or(Problem::DoesNotCast)?
        }
        FieldType::Date => date_text(mapped, text)?,
        FieldType::Datetime => {
            let moment = parse_timestamp(text).ok_or(Problem::DoesNotCast)?;
            whole_seconds(moment)
        }
        FieldType::Owner => owner_value(registry, mapped, side, text)?,
    };
    Ok(Some(value))
}

/// Returns what a value in the words of one side becomes in `object`, in that object's wire form.
///
/// `object` is the other side's, or HubSpot's for a value of the warehouse, which speaks HubSpot's words.
/// `is_create` judges whether the field may be given on create instead of on update.
///
/// # Errors
/// When the value cannot be read or mapped, or the target's metadata says that it would not be
/// taken as it is.
pub fn image(
    registry: &FieldRegistry,
    mapped: &MappedField,
    from: CrmKind,
    raw: &str,
    object: &str,
    is_create: bool,
) -> Image {
    let (to, target_field) = if object == mapped.entity.hubspot_object() {
        (CrmKind::HubSpot, Some(&mapped.field.hubspot))
    } else {
        (CrmKind::Salesforce, mapped.field.salesforce.get(object))
    };
    let Some(target_field) = target_field else { return Err(Problem::NotVisible) };
    let info = registry.field_info(to, object, target_field).ok_or(Problem::NotVisible)?;
    let is_writable = if is_create { info.is_createable } else { info.is_updateable };
    if !is_writable {
        return Err(Problem::NotWritable);
    }
    let Some(value) = canonical(registry, mapped, from, raw)? else { return Ok(None) };
    let wire = match mapped.field.field_type {
        // The words themselves travel, not the form in which they are compared.
        FieldType::Text | FieldType::Reference => raw.trim().to_owned(),
        FieldType::Country => {
            country_name(registry, mapped, to, (object, target_field), raw, &value)
        }
        FieldType::Picklist => {
            from_hubspot_value(registry, mapped, to, (object, target_field), &value)?
        }
        FieldType::MultiPicklist => {
            let values = value
                .split(';')
                .map(|part| from_hubspot_value(registry, mapped, to, (object, target_field), part))
                .collect::<Result<Vec<String>, Problem>>()?;
            values.join(";")
        }
        FieldType::Datetime if to == CrmKind::Salesforce => {
            value.trim_end_matches('Z').to_owned() + ".000+0000"
        }
        // A day becomes an instant where the target keeps instants: its beginning in the field's zone.
        FieldType::Date if info.vendor_type == "datetime" => day_begins(mapped, &value)?,
        FieldType::Consent if to == CrmKind::Salesforce => {
            mapped.field.to_salesforce(&value).map_or(value.clone(), str::to_owned)
        }
        FieldType::Percent => {
            let places = -percent_places(mapped, to);
            decimal::shifted(&value, places, None).ok_or(Problem::DoesNotCast)?
        }
        FieldType::Owner => owner_id(registry, mapped, to, &value)?,
        _ => value,
    };
    fit(registry, mapped, to, object, target_field, wire).map(Some)
}

/// Checks a default of the field map, which stands in the words of `object` in Salesforce.
///
/// # Errors
/// When the target's metadata says that it would not be taken on create.
pub fn check_default(
    registry: &FieldRegistry,
    mapped: &MappedField,
    value: &str,
    object: &str,
) -> Result<(), Problem> {
    let target_field = mapped.field.salesforce.get(object).ok_or(Problem::NotVisible)?;
    let crm = CrmKind::Salesforce;
    let info = registry.field_info(crm, object, target_field).ok_or(Problem::NotVisible)?;
    if !info.is_createable {
        return Err(Problem::NotWritable);
    }
    fit(registry, mapped, crm, object, target_field, value.to_owned()).map(|_| ())
}

/// Checks length and picklist against the target's metadata.
fn fit(
    registry: &FieldRegistry,
    mapped: &MappedField,
    to: CrmKind,
    object: &str,
    target_field: &str,
    wire: String,
) -> Result<String, Problem> {
    let info = registry.field_info(to, object, target_field).ok_or(Problem::NotVisible)?;
    let length_max =
        info.length_max.and_then(|max| usize::try_from(max).ok()).filter(|max| *max > 0);
    let is_text = !matches!(
        mapped.field.field_type,
        FieldType::Picklist | FieldType::MultiPicklist | FieldType::Owner
    );
    let wire = match length_max {
        Some(max) if is_text && wire.chars().count() > max => {
            if !mapped.field.truncate {
                return Err(Problem::TooLong);
            }
            wire.chars().take(max).collect()
        }
        _ => wire,
    };
    let parts: Vec<&str> = match mapped.field.field_type {
        FieldType::Picklist => vec![wire.as_str()],
        FieldType::MultiPicklist => wire.split(';').collect(),
        _ => Vec::new(),
    };
    // A field without a list is free text and takes any word.
    let is_listed = info.is_restricted || registry.has_list(to, object, target_field);
    for part in parts.into_iter().filter(|_| is_listed) {
        match (registry.is_active_value(to, object, target_field, part), info.is_restricted) {
            (Some(true), _) => {}
            (Some(false), true) => return Err(Problem::WouldBeRefusedInactive),
            (None, true) => return Err(Problem::WouldBeRefused),
            (_, false) => return Err(Problem::WouldBeAcceptedSilently),
        }
    }
    Ok(wire)
}

/// Brings a date to `YYYY-MM-DD`; an instant needs the field's zone, or midnight UTC.
fn date_text(mapped: &MappedField, text: &str) -> Result<String, Problem> {
    if let Some(date) = parse_date(text) {
        return Ok(date.to_string());
    }
    let moment = parse_timestamp(text).ok_or(Problem::DoesNotCast)?;
    let zone = mapped.field.zone.as_deref().ok_or(Problem::DoesNotCast)?;
    let zone = TimeZone::get(zone).map_err(|_| Problem::DoesNotCast)?;
    Ok(moment.to_zoned_datetime(zone).date().to_string())
}

fn day_begins(mapped: &MappedField, day: &str) -> Result<String, Problem> {
    let zone = mapped.field.zone.as_deref().ok_or(Problem::DoesNotCast)?;
    let date = parse_date(day).ok_or(Problem::DoesNotCast)?;
    let begin = TimeZone::get(zone).and_then(|zone| date.to_zoned_datetime(zone));
    begin.map(|begin| whole_seconds(begin.timestamp())).map_err(|_| Problem::DoesNotCast)
}

/// Brings a picklist value to HubSpot's word, which is its canonical text.
///
/// A HubSpot word that the map does not list is still a word: equal to itself, without an image.
fn to_hubspot_value(
    registry: &FieldRegistry,
    mapped: &MappedField,
    side: CrmKind,
    text: &str,
) -> Result<String, Problem> {
    let field = &mapped.field;
    if side == CrmKind::HubSpot {
        // Of several words with one counterpart the first in the map stands for all: they agree with
        // the same value over there.
        let first = field.to_salesforce(text).and_then(|there| field.to_hubspot(there));
        return Ok(first.unwrap_or(text).to_owned());
    }
    if field.is_mapped_by_label {
        let label = field
            .salesforce
            .iter()
            .find_map(|(object, name)| registry.label(side, object, name, text))
            .unwrap_or(text);
        let object = mapped.entity.hubspot_object();
        return registry
            .value_of_label(CrmKind::HubSpot, object, &field.hubspot, label)
            .map(str::to_owned)
            .ok_or(Problem::ValueUnmapped);
    }
    if field.values.is_empty() {
        return Ok(text.to_owned());
    }
    field.to_hubspot(text).map(str::to_owned).ok_or(Problem::ValueUnmapped)
}

fn from_hubspot_value(
    registry: &FieldRegistry,
    mapped: &MappedField,
    to: CrmKind,
    (object, target_field): (&str, &str),
    value: &str,
) -> Result<String, Problem> {
    let field = &mapped.field;
    if to == CrmKind::HubSpot {
        return Ok(value.to_owned());
    }
    if field.is_mapped_by_label {
        let own = mapped.entity.hubspot_object();
        let label = registry.label(CrmKind::HubSpot, own, &field.hubspot, value).unwrap_or(value);
        return registry
            .value_of_label(to, object, target_field, label)
            .map(str::to_owned)
            .ok_or(Problem::ValueUnmapped);
    }
    if field.values.is_empty() {
        return Ok(value.to_owned());
    }
    field.to_salesforce(value).map(str::to_owned).ok_or(Problem::ValueUnmapped)
}

/// Names a country as the target does: by the map, by the value of its picklist that means the same
/// country, or in the words that came.
fn country_name(
    registry: &FieldRegistry,
    mapped: &MappedField,
    to: CrmKind,
    (object, target_field): (&str, &str),
    raw: &str,
    code: &str,
) -> String {
    let raw = raw.trim();
    let listed = match to {
        CrmKind::Salesforce => mapped.field.to_salesforce(raw),
        CrmKind::HubSpot => mapped.field.to_hubspot(raw),
    };
    listed
        .or_else(|| {
            registry
                .active_values(to, object, target_field)
                .find(|value| country_code(value).as_deref() == Some(code))
        })
        .unwrap_or(raw)
        .to_owned()
}

fn truth(text: &str) -> Result<&'static str, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok("true"),
        "false" => Ok("false"),
        _ => Err(Problem::DoesNotCast),
    }
}

/// Returns by how many places a side's number is moved to be in percent.
fn percent_places(mapped: &MappedField, side: CrmKind) -> i32 {
    match (side, mapped.field.hubspot_keeps) {
        (CrmKind::HubSpot, Some(PercentForm::Fraction)) => 2,
        _ => 0,
    }
}

/// Brings an owner to what both sides know: the e-mail address of the HubSpot owner, or what the map
/// lists as that.
fn owner_value(
    registry: &FieldRegistry,
    mapped: &MappedField,
    side: CrmKind,
    text: &str,
) -> Result<String, Problem> {
    let user =
        registry.user(side, text).or_else(|| registry.user_by_email(side, &text.to_lowercase()));
    let user = user.ok_or(Problem::OwnerUnmapped)?;
    let email = user.email.as_deref().map(|email| email.trim().to_lowercase());
    let names = [Some(user.user_id.as_str()), email.as_deref(), Some(user.name.as_str())];
    if side == CrmKind::Salesforce {
        let listed = names.iter().flatten().find_map(|name| mapped.field.to_hubspot(name));
        if let Some(listed) = listed {
            let there = registry.user(CrmKind::HubSpot, listed);
            let email = there.and_then(|user| user.email.as_deref()).unwrap_or(listed);
            return Ok(email.trim().to_lowercase());
        }
    }
    match (email, user.user_type) {
        (Some(email), UserType::Person) => Ok(email),
        _ => Err(Problem::OwnerUnmapped),
    }
}

/// Finds whom the map lists for an owner, or else whoever has the address, or else the fallback.
fn owner_id(
    registry: &FieldRegistry,
    mapped: &MappedField,
    to: CrmKind,
    email: &str,
) -> Result<String, Problem> {
    let listed = match to {
        CrmKind::HubSpot => None,
        CrmKind::Salesforce => {
            let there = registry.user_by_email(CrmKind::HubSpot, email);
            let id = there.map(|user| user.user_id.as_str());
            [Some(email), id]
                .into_iter()
                .flatten()
                .find_map(|name| mapped.field.to_salesforce(name))
        }
    };
    let found = match listed {
        Some(name) => registry.user_named(to, name),
        None => registry.user_by_email(to, email),
    };
    match (found, mapped.field.fallback.get(&to)) {
        (Some(user), _) if user.is_active => Ok(user.user_id.clone()),
        (found, fallback) => {
            let fallback = fallback.and_then(|name| registry.user_named(to, name));
            match (fallback.filter(|user| user.is_active), found) {
                (Some(user), _) => Ok(user.user_id.clone()),
                (None, Some(_)) => Err(Problem::OwnerInactive),
                (None, None) => Err(Problem::OwnerUnmapped),
            }
        }
    }
}

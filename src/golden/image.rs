//! What a value is under its type, and what it becomes on the other side.

use std::collections::BTreeSet;
use std::fmt;

use jiff::tz::TimeZone;

use super::decimal;
use super::moment::{parse_date, parse_timestamp, whole_seconds};
use super::registry::{FieldRegistry, MappedField};
use crate::config::FieldType;
use crate::crm::CrmKind;
use crate::identity::keys::phone_key;
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
        FieldType::Country | FieldType::Email => text.to_lowercase(),
        FieldType::Phone => {
            phone_key(text, &registry.phone_region).unwrap_or_else(|| text.to_owned())
        }
        FieldType::Picklist => to_hubspot_value(mapped, side, text)?,
        FieldType::MultiPicklist => {
            let values = text
                .split(';')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| to_hubspot_value(mapped, side, part))
                .collect::<Result<BTreeSet<String>, Problem>>()?;
            values.into_iter().collect::<Vec<_>>().join(";")
        }
        FieldType::Bool | FieldType::Consent => match text.to_ascii_lowercase().as_str() {
            "true" => "true".to_owned(),
            "false" => "false".to_owned(),
            _ => return Err(Problem::DoesNotCast),
        },
        FieldType::Number | FieldType::Currency => {
            decimal::normalize(text, field.scale).ok_or(Problem::DoesNotCast)?
        }
        FieldType::Date => date_text(mapped, text)?,
        FieldType::Datetime => {
            let moment = parse_timestamp(text).ok_or(Problem::DoesNotCast)?;
            whole_seconds(moment)
        }
        FieldType::Owner => {
            let user = registry.user(side, text).ok_or(Problem::OwnerUnmapped)?;
            match (&user.email, user.user_type) {
                (Some(email), UserType::Person) => email.trim().to_lowercase(),
                _ => return Err(Problem::OwnerUnmapped),
            }
        }
    };
    Ok(Some(value))
}

/// Returns what the raw value of one side becomes in `object` of the other side, in its wire form.
///
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
    let (to, target_field) = match from {
        CrmKind::HubSpot => (CrmKind::Salesforce, mapped.field.salesforce.get(object)),
        CrmKind::Salesforce => (CrmKind::HubSpot, Some(&mapped.field.hubspot)),
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
        FieldType::Text | FieldType::Country | FieldType::Reference => raw.trim().to_owned(),
        FieldType::Picklist => from_hubspot_value(mapped, to, &value)?,
        FieldType::MultiPicklist => {
            let values = value
                .split(';')
                .map(|part| from_hubspot_value(mapped, to, part))
                .collect::<Result<Vec<String>, Problem>>()?;
            values.join(";")
        }
        FieldType::Datetime if to == CrmKind::Salesforce => {
            value.trim_end_matches('Z').to_owned() + ".000+0000"
        }
        FieldType::Owner => {
            let user = registry.user_by_email(to, &value).ok_or(Problem::OwnerUnmapped)?;
            if !user.is_active {
                return Err(Problem::OwnerInactive);
            }
            user.user_id.clone()
        }
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
    for part in parts {
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

/// Brings a picklist value to HubSpot's word, which is its canonical text.
///
/// A HubSpot word that the map does not list is still a word: equal to itself, without an image.
fn to_hubspot_value(mapped: &MappedField, side: CrmKind, text: &str) -> Result<String, Problem> {
    if mapped.field.values.is_empty() || side == CrmKind::HubSpot {
        return Ok(text.to_owned());
    }
    mapped.field.to_hubspot(text).map(str::to_owned).ok_or(Problem::ValueUnmapped)
}

fn from_hubspot_value(mapped: &MappedField, to: CrmKind, value: &str) -> Result<String, Problem> {
    if mapped.field.values.is_empty() || to == CrmKind::HubSpot {
        return Ok(value.to_owned());
    }
    mapped.field.to_salesforce(value).map(str::to_owned).ok_or(Problem::ValueUnmapped)
}

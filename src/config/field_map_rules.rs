//! Rules about several options of a field map at once.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::crm::CrmKind;

use super::reader::Reader;
use super::{Entity, EntityName, Field, FieldType, Owner, WriteMode};

/// Notes what is wrong with one field; `place` finds where an option is written.
pub(super) fn check_field(
    reader: &Reader<'_>,
    name: &str,
    field: &Field,
    place: impl Fn(&str) -> Range<usize>,
) -> bool {
    let mut is_clean = true;
    let mut refuse = |key: &str, message: &str, hint: &str| {
        is_clean = false;
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        reader.problem(&place(key), name, message, hint);
    };

    let is_consent = field.field_type == FieldType::Consent;
    if field.owner == Owner::TwoWay {
        for side in [CrmKind::HubSpot, CrmKind::Salesforce] {
            if !field.because.contains_key(&side) {
                let message = format!("`two_way` names no workflow on this side: `because.{side}`");
                let hint = format!(
                    "name who changes it in that CRM and why: `because = {{ {side} = \"…\" }}`; if nobody does, the other side is the owner"
                );
                refuse("because", &message, &hint);
            }
        }
        if field.tie.is_none() && !is_consent {
            refuse(
                "owner",
                "`two_way` does not say who wins when both sides changed: `tie`",
                "add `tie = \"salesforce\"` or `tie = \"hubspot\"`",
            );
        }
    } else if field.tie.is_some() {
        refuse("tie", "has no effect unless the owner is `two_way`: `tie`", "");
    }

    check_needs(field, &mut refuse);

    if field.owner.is_both_ways() {
        let owner = field.owner.as_str();
        if field.truncate {
            let message =
                format!("a value cut short must not travel back: `truncate` with `{owner}`");
            refuse("truncate", &message, "leave it out; what is too long is held back and listed");
        }
        if !field.fallback.is_empty() {
            let message = format!(
                "who stands in for somebody must not travel back: `fallback` with `{owner}`"
            );
            refuse("fallback", &message, "let one side own the field, or leave it out");
        }
        let mut first_by_target: BTreeMap<&str, &str> = BTreeMap::new();
        for (from, to) in &field.values {
            if let Some(first) = first_by_target.insert(to, from) {
                let message = format!(
                    "`{owner}` needs values that survive the way back, but `{first}` and `{from}` both become `{to}`"
                );
                refuse(
                    "values",
                    &message,
                    "give each value its own, or let one side own the field",
                );
            }
        }
    }

    let is_mapped = matches!(
        field.field_type,
        FieldType::Picklist
            | FieldType::MultiPicklist
            | FieldType::Country
            | FieldType::Consent
            | FieldType::Owner
    );
    let is_number =
        matches!(field.field_type, FieldType::Number | FieldType::Currency | FieldType::Percent);
    let is_time = matches!(field.field_type, FieldType::Date | FieldType::Datetime);
    let is_written = field.owner != Owner::Compare;
    let idle_options = [
        (
            "values",
            (!field.values.is_empty() || field.is_mapped_by_label) && !is_mapped,
            "the type is a picklist, country, consent or owner",
        ),
        (
            "scale",
            field.scale.is_some() && !is_number,
            "the type is `number`, `currency` or `percent`",
        ),
        ("zone", field.zone.is_some() && !is_time, "the type is `date` or `datetime`"),
        (
            "blank_is_false",
            field.blank_is_false && field.field_type != FieldType::Bool,
            "the type is `bool`",
        ),
        ("truncate", field.truncate && field.field_type != FieldType::Text, "the type is `text`"),
        ("clear", field.clear && !is_written, "the field is written"),
        (
            "currency",
            field.currency.is_some() && field.field_type != FieldType::Currency,
            "the type is `currency`",
        ),
        (
            "hubspot_keeps",
            field.hubspot_keeps.is_some() && field.field_type != FieldType::Percent,
            "the type is `percent`",
        ),
        (
            "fallback",
            !field.fallback.is_empty() && field.field_type != FieldType::Owner,
            "the type is `owner`",
        ),
        ("restrictive", !field.restrictive && !is_consent, "the type is `consent`"),
    ];
    for (key, is_idle, unless) in idle_options {
        if is_idle {
            refuse(key, &format!("has no effect unless {unless}: `{key}`"), "");
        }
    }
    is_clean
}

/// Notes what a field's type or owner asks for and does not have.
fn check_needs(field: &Field, refuse: &mut impl FnMut(&str, &str, &str)) {
    let is_consent = field.field_type == FieldType::Consent;
    match (field.owner, &field.from) {
        (Owner::Warehouse, None) => refuse(
            "owner",
            "`warehouse` does not say which model column owns the field: `from`",
            "add `from = { model = \"…\", column = \"…\" }`; the model has one row per `golden_id`",
        ),
        (Owner::Warehouse, Some(_)) | (_, None) => {}
        (_, Some(_)) => refuse("from", "has no effect unless the owner is `warehouse`: `from`", ""),
    }
    if field.owner == Owner::Warehouse && is_consent {
        let message = "consent is given and taken in a CRM, not computed: `warehouse`";
        refuse("owner", message, "let `two_way` carry the most restrictive answer to both");
    }
    if field.owner == Owner::Handoff && is_consent {
        let message = "consent does not change hands with the lead: `handoff`";
        refuse("owner", message, "let `two_way` carry the most restrictive answer to both");
    }
    if is_consent && (field.write != WriteMode::Always || field.clear) {
        let message = "a no is written whatever is there, and never taken back: `write`, `clear`";
        refuse("write", message, "leave both out");
    }
    if is_consent && field.create_default.is_some() {
        refuse("create_default", "nobody consents by default: `create_default`", "leave it out");
    }
    if field.owner == Owner::Warehouse && field.clear {
        refuse("clear", "a blank of a model takes nothing away: `clear`", "leave it out");
    }
    if is_consent && field.tie.is_some() {
        let message = "the most restrictive answer wins, there is no draw to settle: `tie`";
        refuse("tie", message, "leave it out");
    }
    if field.field_type == FieldType::Currency && field.currency.is_none() {
        refuse(
            "type",
            "an amount without its currency is no amount: `currency`",
            "add `currency = \"USD\"`, or where each side says it: `currency = { hubspot = \"deal_currency_code\", salesforce = \"CurrencyIsoCode\" }`",
        );
    }
    if field.field_type == FieldType::Percent && field.hubspot_keeps.is_none() {
        refuse(
            "type",
            "does not say how HubSpot keeps the percentage: `hubspot_keeps`",
            "add `hubspot_keeps = \"fraction\"` where 25 percent is 0.25, or `\"percent\"` where it is 25",
        );
    }
}

/// Notes fields that two entries of an entity, or Concord itself, would both write.
///
/// `spans` holds the place of each field, in the order of the entity's fields.
pub(super) fn check_entity(reader: &Reader<'_>, entity: &Entity, spans: &[Range<usize>]) -> bool {
    let mut is_clean = true;
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    let own = [&entity.key, &entity.link];
    for (field, span) in entity.fields.iter().zip(spans) {
        if field.field_type == FieldType::Consent && entity.name != EntityName::Person {
            let name = format!("{}.{}", entity.name, field.name);
            let message = format!("people consent, and no {}: `consent`", entity.name);
            reader.problem(span, &name, message, Some("write `type = \"bool\"`".to_owned()));
            is_clean = false;
        }
        if field.owner == Owner::Compare {
            continue;
        }
        let name = format!("{}.{}", entity.name, field.name);
        let hubspot = (entity.hubspot.as_str(), field.hubspot.as_str(), CrmKind::HubSpot);
        let salesforce = field
            .salesforce
            .iter()
            .map(|(object, target)| (object.as_str(), target.as_str(), CrmKind::Salesforce));
        for (object, target, side) in std::iter::once(hubspot).chain(salesforce) {
            if own.iter().any(|pair| pair.of(side) == target) {
                let message = format!("kept by Concord as key or link: `{object}.{target}`");
                reader.problem(span, &name, message, None);
                is_clean = false;
            }
            if let Some(other) = taken.insert(format!("{side} {object}.{target}"), &field.name) {
                let message = format!("mapped twice, here and in `{other}`: `{object}.{target}`");
                let hint = "a field has one owner; take one of the two out, or make it `compare`";
                reader.problem(span, &name, message, Some(hint.to_owned()));
                is_clean = false;
            }
        }
    }
    is_clean
}

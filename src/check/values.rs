//! Whether the values of a picklist have a counterpart that the other side takes.

use crate::config::{Entity, Field, FieldType, suggestion};
use crate::crm::CrmKind;
use crate::schema::{FieldInfo, PicklistValue, Schema};

use super::finding::{Findings, quoted};
use super::flows::{Flow, ends, flows};
use super::types::{Shape, definition, shape};
use super::{Metadata, Place, Severity, vendor};

pub fn judge(entity: &Entity, field: &Field, metadata: &Metadata, findings: &mut Findings) {
    if !matches!(field.field_type, FieldType::Picklist | FieldType::MultiPicklist) {
        country(entity, field, metadata, findings);
        return;
    }
    let place = Place::field(entity, field);
    let flows = flows(entity, field);
    for (kind, object, name) in ends(entity, field) {
        let Some(schema) = metadata.schema(kind) else { continue };
        let Some(info) = schema.field(object, name) else { continue };
        let is_written = flows.iter().any(|f| f.to == kind && f.to_object == object);
        mapped(field, (kind, info), schema, is_written, &place, findings);
        if is_written {
            narrowed(info, &place, findings);
        }
    }
    for flow in &flows {
        if let (Some(from), Some(to)) = (metadata.schema(flow.from()), metadata.schema(flow.to)) {
            crossing(field, flow, from, to, &place, findings);
        }
    }
    many_to_one(field, &flows, &place, findings);
}

fn listed<'a>(schema: &'a Schema, object: &'a str, name: &'a str) -> Vec<&'a PicklistValue> {
    schema.picklist_values.iter().filter(|v| v.object == object && v.field == name).collect()
}

/// Judges the words of `values` on one side.
fn mapped(
    field: &Field,
    (kind, info): (CrmKind, &FieldInfo),
    schema: &Schema,
    is_written: bool,
    place: &Place,
    findings: &mut Findings,
) {
    let values = listed(schema, &info.object, &info.field);
    if values.is_empty() {
        return;
    }
    let about = format!("{}.{}", info.object, info.field);
    let known: Vec<&str> =
        values.iter().filter(|v| v.is_active).map(|v| v.value.as_str()).collect();
    let words = field.values.iter().map(|(hubspot, salesforce)| match kind {
        CrmKind::HubSpot => hubspot.as_str(),
        CrmKind::Salesforce => salesforce.as_str(),
    });
    let mut seen: Vec<&str> = Vec::new();
    for word in words {
        if seen.contains(&word) {
            continue;
        }
        seen.push(word);
        let found = values.iter().find(|v| v.value == word);
        let Some(found) = found else {
            let weight = if is_written { Severity::Error } else { Severity::Warning };
            let ending = match (is_written, info.is_restricted) {
                (true, true) => ", which would refuse it",
                (true, false) => ", which would store it all the same, so it is held back",
                (false, _) => "",
            };
            let sentence = format!("`values` names `{word}`, which is no value{ending}: {{}}");
            let by_label = values.iter().find(|v| v.label == word);
            let todo = match by_label {
                Some(value) => format!("that is its label; write the value `{}`", value.value),
                None => suggestion(word, &known)
                    .unwrap_or_else(|| format!("correct it, or add the value in {}", vendor(kind))),
            };
            findings.about((weight, "value_unknown"), place, &about, sentence, todo);
            continue;
        };
        if !found.is_active && is_written {
            let how = if info.is_restricted { "is refused" } else { "is held back" };
            let sentence = format!("`values` names `{word}`, which is retired and {how}: {{}}");
            let todo = "map an active value, or bring this one back";
            findings.about((Severity::Warning, "value_retired"), place, &about, sentence, todo);
        }
    }
}

/// Judges what the source lists and the target does not take.
fn crossing(
    field: &Field,
    flow: &Flow<'_>,
    from: &Schema,
    to: &Schema,
    place: &Place,
    findings: &mut Findings,
) {
    let sources = listed(from, flow.from_object, flow.from_field);
    let active: Vec<&str> =
        sources.iter().filter(|v| v.is_active).map(|v| v.value.as_str()).collect();
    if active.is_empty() {
        return;
    }
    if !field.values.is_empty() {
        let is_mapped = |value: &&str| match flow.from() {
            CrmKind::HubSpot => field.to_salesforce(value).is_some(),
            CrmKind::Salesforce => field.to_hubspot(value).is_some(),
        };
        let lost: Vec<&str> = active.into_iter().filter(|value| !is_mapped(value)).collect();
        if !lost.is_empty() {
            let sentence = format!(
                "records are held back whose value `values` does not list, {} of {{}}",
                quoted(&lost)
            );
            let todo = "give each a counterpart in `values`, or leave it out on purpose";
            findings.about(
                (Severity::Warning, "value_unmapped"),
                place,
                &flow.source(),
                sentence,
                todo,
            );
        }
        return;
    }
    let targets = listed(to, flow.to_object, flow.to_field);
    let Some(target) = to.field(flow.to_object, flow.to_field) else { return };
    if targets.is_empty() {
        return;
    }
    let label = |value: &str| {
        sources.iter().find(|v| v.value == value).map_or(value.to_owned(), |v| v.label.clone())
    };
    let is_taken = |value: &&str| {
        let label = field.is_mapped_by_label.then(|| label(value));
        targets.iter().any(|v| {
            let is_same = match &label {
                Some(label) => v.label.trim().eq_ignore_ascii_case(label.trim()),
                None => v.value == **value,
            };
            is_same && v.is_active
        })
    };
    let lost: Vec<&str> = active.iter().copied().filter(|value| !is_taken(value)).collect();
    if lost.is_empty() {
        return;
    }
    let is_none_taken = lost.len() == active.len();
    let weight = if is_none_taken { Severity::Error } else { Severity::Warning };
    let how = if target.is_restricted {
        "would refuse"
    } else {
        "would store without a word, so they are held back,"
    };
    let alike = active.iter().filter(|value| {
        targets
            .iter()
            .any(|v| v.value.eq_ignore_ascii_case(value) || v.label.eq_ignore_ascii_case(value))
    });
    let todo = if alike.count() > 0 {
        "add `values`: some differ in their spelling only"
    } else {
        "add `values`, which says what becomes what"
    };
    let sentence =
        format!("{} {how} {}, which it does not list: {{}}", vendor(flow.to), quoted(&lost));
    findings.about((weight, "value_one_sided"), place, &flow.target(), sentence, todo);
}

/// Notes values that lose their difference, and which of them comes back.
fn many_to_one(field: &Field, flows: &[Flow<'_>], place: &Place, findings: &mut Findings) {
    let mut told: Vec<&str> = Vec::new();
    for (first, target) in &field.values {
        if told.contains(&target.as_str()) {
            continue;
        }
        let all: Vec<&str> = field
            .values
            .iter()
            .filter(|(_, to)| to == target)
            .map(|(from, _)| from.as_str())
            .collect();
        if all.len() < 2 {
            continue;
        }
        told.push(target);
        let travels_back = flows.iter().any(|flow| flow.to == CrmKind::HubSpot);
        let back = if travels_back {
            format!(", and `{target}` comes back as `{first}`")
        } else {
            String::new()
        };
        let sentence = format!("{} all become `{target}`{back}", quoted(&all));
        findings.add(
            (Severity::Note, "many_to_one"),
            place,
            sentence,
            "nothing, if that is what you want",
        );
    }
}

/// Notes a list that depends on another field's value.
fn narrowed(info: &FieldInfo, place: &Place, findings: &mut Findings) {
    let Some(json) = definition(info) else { return };
    if json["dependentPicklist"].as_bool() == Some(true) {
        let controller = json["controllerName"].as_str().unwrap_or("another field");
        let about = format!("{}.{}", info.object, info.field);
        let sentence = format!(
            "which values are taken depends on `{controller}`, and no metadata read here says how: {{}}"
        );
        let todo = "map the controlling field as well, and rehearse the first plan";
        findings.about((Severity::Note, "dependent_picklist"), place, &about, sentence, todo);
    }
}

/// Notes country names that a list there may refuse; their words are not compared with it.
fn country(entity: &Entity, field: &Field, metadata: &Metadata, findings: &mut Findings) {
    if field.field_type != FieldType::Country {
        return;
    }
    let place = Place::field(entity, field);
    for flow in flows(entity, field) {
        let Some(to) = metadata.schema(flow.to) else { continue };
        let Some(info) = to.field(flow.to_object, flow.to_field) else { continue };
        if shape(flow.to, info) != Shape::Single {
            continue;
        }
        let targets = listed(to, flow.to_object, flow.to_field);
        let from = metadata.schema(flow.from());
        let sources =
            from.map(|s| listed(s, flow.from_object, flow.from_field)).unwrap_or_default();
        let is_taken = |value: &str| {
            targets.iter().any(|v| v.is_active && (v.value == value || v.label == value))
        };
        let lost: Vec<&str> = sources
            .iter()
            .filter(|v| v.is_active && !is_taken(&v.value))
            .map(|v| v.value.as_str())
            .collect();
        if sources.is_empty() || !lost.is_empty() {
            let which =
                if lost.is_empty() { "what it does not list".to_owned() } else { quoted(&lost) };
            let sentence = format!(
                "countries are a list there, and {} refuses {which}: {{}}",
                vendor(flow.to)
            );
            let todo = "spell countries as the list does, on the side that owns them";
            findings.about(
                (Severity::Warning, "country_listed"),
                &place,
                &flow.target(),
                sentence,
                todo,
            );
        }
    }
}

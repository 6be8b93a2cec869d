//! What `concord.toml` names: connections, objects to pull, stages, statuses, claims, the connector.

use std::collections::BTreeSet;

use crate::config::{Access, Entity, FieldType, Owner, Project, is_currency_code, suggestion};
use crate::crm::CrmKind;
use crate::schema::Schema;

use super::finding::{Findings, quoted};
use super::flows::{ends, flows};
use super::{Metadata, Place, Severity, vendor};

/// Property that the vendors' own connector stamps on every contact that it syncs.
const CONNECTOR_STAMP: &str = "salesforcelastsynctime";

pub fn judge(
    project: &Project,
    metadata: &Metadata,
    models: &BTreeSet<String>,
    findings: &mut Findings,
) {
    for kind in [CrmKind::HubSpot, CrmKind::Salesforce] {
        connection(project, kind, metadata, findings);
    }
    recycle_statuses(project, metadata, findings);
    lifecycle(project, metadata, findings);
    claims(project, models, findings);
    connector(project, metadata, findings);
    for entity in project.field_map.entities.iter().filter(|entity| entity.is_mapped) {
        currency(entity, metadata, findings);
        owning_models(entity, models, findings);
        record_types(entity, metadata, findings);
    }
}

fn connection(project: &Project, kind: CrmKind, metadata: &Metadata, findings: &mut Findings) {
    let connection = project.connections.values().find(|connection| connection.kind == kind);
    let Some((connection, side)) = connection.zip(metadata.side(kind)) else {
        let place = Place { line: None, ..Place::setting(project, "connections") };
        let sentence = format!("no connection leads to {}", vendor(kind));
        let todo = format!("add `[connections.{kind}]`");
        findings.add((Severity::Error, "no_connection"), &place, sentence, todo);
        return;
    };
    let at = |key: &str| Place::setting(project, &format!("connections.{}.{key}", connection.name));
    match &connection.account_id {
        Some(pinned) if *pinned != side.account.id => {
            let sentence = format!(
                "the credentials lead to account `{}`, and not to `{pinned}`",
                side.account.id
            );
            findings.add(
                (Severity::Error, "other_account"),
                &at("account_id"),
                sentence,
                "correct `account_id` or the credentials",
            );
        }
        Some(_) => {}
        None => {
            let sentence = format!("nothing pins the account, which is `{}`", side.account.id);
            let todo = format!(
                "add `account_id = \"{}\"`, so that a wrong token cannot write elsewhere",
                side.account.id
            );
            findings.add((Severity::Note, "account_not_pinned"), &at("kind"), sentence, todo);
        }
    }
    if connection.access == Access::Read {
        let sentence = format!("nothing is written to {}", vendor(kind));
        findings.add(
            (Severity::Note, "read_only"),
            &at("access"),
            sentence,
            "set `access = \"write\"` once both teams have signed",
        );
    }
    for object in side.asked.iter().filter(|object| side.schema.object(object).is_none()) {
        let mapped = project.field_map.entities.iter().filter(|entity| entity.is_mapped);
        let is_mapped =
            mapped.flat_map(|e| e.salesforce.iter().chain([&e.hubspot])).any(|name| name == object);
        if !is_mapped {
            let sentence =
                "a pull reads this object and fails where the connection cannot see it: {}";
            findings.about(
                (Severity::Error, "object_missing"),
                &at("kind"),
                object,
                sentence,
                "give the connection's user or token the right to read it",
            );
        }
    }
}

fn recycle_statuses(project: &Project, metadata: &Metadata, findings: &mut Findings) {
    let Some(schema) = metadata.schema(CrmKind::Salesforce) else { return };
    let known: Vec<&str> = stages(schema, "Lead", "Status");
    let place = Place::setting(project, "handoff.recycle_statuses");
    let unknown = project.handoff.recycle_statuses.iter().filter(|s| !known.contains(&s.as_str()));
    for status in unknown.filter(|_| !known.is_empty()) {
        let sentence =
            format!("no lead status of Salesforce, so no handoff ends by it: `{status}`");
        let todo =
            suggestion(status, &known).unwrap_or_else(|| "name one that is there".to_owned());
        findings.add((Severity::Error, "status_unknown"), &place, sentence, todo);
    }
    if project.handoff.recycle_statuses.is_empty() {
        let sentence = "no status ends a handoff: whom Sales recycles stays with Sales";
        let todo = "list the lead statuses that hand a person back";
        findings.add((Severity::Note, "no_recycle_status"), &place, sentence, todo);
    }
}

/// Lists an object's stages or statuses, or its picklist's values where there are none.
fn stages<'a>(schema: &'a Schema, object: &str, field: &str) -> Vec<&'a str> {
    let stages: Vec<&str> =
        schema.stages.iter().filter(|s| s.object == object).map(|s| s.stage.as_str()).collect();
    if !stages.is_empty() {
        return stages;
    }
    let values = schema.picklist_values.iter().filter(|v| v.object == object && v.field == field);
    values.map(|v| v.value.as_str()).collect()
}

fn lifecycle(project: &Project, metadata: &Metadata, findings: &mut Findings) {
    let Some(schema) = metadata.schema(CrmKind::HubSpot) else { return };
    let values = schema.picklist_values.iter();
    let values = values.filter(|v| v.object == "contacts" && v.field == "lifecyclestage");
    let known: Vec<&str> = values.map(|v| v.value.as_str()).collect();
    if known.is_empty() {
        return;
    }
    let place = Place::setting(project, "lifecycle");
    for stage in project.lifecycle.iter().filter(|stage| !known.contains(&stage.as_str())) {
        let sentence = format!("no lifecycle stage of HubSpot: `{stage}`");
        let todo = suggestion(stage, &known).unwrap_or_else(|| {
            "name one that is there; a stage made in HubSpot may have a number for its name"
                .to_owned()
        });
        findings.add((Severity::Error, "stage_unknown"), &place, sentence, todo);
    }
    let outside: Vec<&str> =
        known.into_iter().filter(|stage| !project.lifecycle.iter().any(|s| s == stage)).collect();
    if !outside.is_empty() {
        let sentence = format!(
            "stages without a place in the order, so whoever is there neither moves on nor back: {}",
            quoted(&outside)
        );
        let todo = "put them into `lifecycle`, or leave them out on purpose";
        findings.add((Severity::Note, "stage_outside"), &place, sentence, todo);
    }
}

fn claims(project: &Project, models: &BTreeSet<String>, findings: &mut Findings) {
    for (name, metric) in &project.metrics {
        for (team, claim) in
            metric.claims.iter().filter(|(_, claim)| !models.contains(&claim.model))
        {
            let place = Place::setting(project, &format!("metrics.{name}.claims.{team}.model"));
            let known: Vec<&str> =
                models.iter().map(String::as_str).filter(|m| m.starts_with("claim_")).collect();
            let sentence = format!("no such model: `{}`", claim.model);
            let todo = suggestion(&claim.model, &known)
                .unwrap_or_else(|| format!("write `models/3_marts/reconcile/{}.sql`", claim.model));
            findings.add((Severity::Error, "model_missing"), &place, sentence, todo);
        }
    }
}

fn connector(project: &Project, metadata: &Metadata, findings: &mut Findings) {
    let Some(schema) = metadata.schema(CrmKind::HubSpot) else { return };
    let is_installed = schema.field("contacts", CONNECTOR_STAMP).is_some();
    let place = Place::setting(project, "native_connector.taken_over");
    let entities = &project.field_map.entities;
    let taken = |entity: &Entity, name: &str| {
        let full = format!("{}.{name}", entity.name);
        project.native_connector.taken_over.iter().any(|t| *t == full || t == entity.name.as_str())
    };
    let written: Vec<String> = entities
        .iter()
        .flat_map(|entity| entity.fields.iter().map(move |field| (entity, field)))
        .filter(|(entity, field)| {
            field.owner != Owner::Compare
                && !flows(entity, field).is_empty()
                && !taken(entity, &field.name)
        })
        .map(|(entity, field)| format!("{}.{}", entity.name, field.name))
        .collect();
    if is_installed && !written.is_empty() {
        let names: Vec<&str> = written.iter().map(String::as_str).collect();
        let sentence = format!(
            "HubSpot's own Salesforce connector is installed; while it works, these are held back: {}",
            quoted(&names)
        );
        let todo = "switch fields off in it one by one, and list them as taken over";
        findings.add((Severity::Note, "native_connector"), &place, sentence, todo);
    }
    if !is_installed && !project.native_connector.taken_over.is_empty() {
        let sentence = "fields are taken over from a connector that is not installed";
        findings.add((Severity::Note, "no_native_connector"), &place, sentence, "leave them out");
    }
}

/// Judges whether the fields are there that say an amount's currency.
fn currency(entity: &Entity, metadata: &Metadata, findings: &mut Findings) {
    for field in &entity.fields {
        let Some(codes) = &field.currency else { continue };
        let place = Place::field(entity, field);
        for (kind, object, _) in ends(entity, field) {
            let (name, Some(schema)) = (codes.of(kind), metadata.schema(kind)) else { continue };
            if is_currency_code(name) || schema.field(object, name).is_some() {
                continue;
            }
            let about = format!("{object}.{name}");
            let sentence = "no amount is compared or written without its currency, and this field is not there: {}";
            let todo = "name the field that holds the code, or the code itself where there is one currency";
            findings.about((Severity::Error, "currency_field"), &place, &about, sentence, todo);
        }
    }
}

/// Judges whether the models are there that own fields.
fn owning_models(entity: &Entity, models: &BTreeSet<String>, findings: &mut Findings) {
    for field in &entity.fields {
        let Some(from) = &field.from else { continue };
        if !models.contains(&from.model) {
            let known: Vec<&str> = models.iter().map(String::as_str).collect();
            let sentence = format!("no such model owns a field: `{}`", from.model);
            let todo = suggestion(&from.model, &known)
                .unwrap_or_else(|| format!("write `models/3_marts/{}.sql`", from.model));
            let place = Place::field(entity, field);
            findings.add((Severity::Error, "model_missing"), &place, sentence, todo);
        }
    }
}

/// Notes objects whose picklists each record type narrows.
fn record_types(entity: &Entity, metadata: &Metadata, findings: &mut Findings) {
    let Some(schema) = metadata.schema(CrmKind::Salesforce) else { return };
    for object in &entity.salesforce {
        let names = active_record_types(schema, object);
        let written = entity.fields.iter().filter(|field| {
            matches!(field.field_type, FieldType::Picklist | FieldType::MultiPicklist)
                && flows(entity, field).iter().any(|flow| flow.to_object == object)
        });
        let written: Vec<&str> = written.map(|field| field.name.as_str()).collect();
        if names.is_empty() || written.is_empty() {
            continue;
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let sentence = format!(
            "record types {} may each take fewer values of {} than the field lists, and no metadata read here says which: {{}}",
            quoted(&names),
            quoted(&written)
        );
        let todo =
            "compare the values with each record type's in Setup, and rehearse the first plan";
        findings.about(
            (Severity::Note, "record_types"),
            &Place::entity(entity, "salesforce"),
            object,
            sentence,
            todo,
        );
    }
}

/// Lists record types that the connection may use, the master type apart.
fn active_record_types(schema: &Schema, object: &str) -> Vec<String> {
    let definition = schema.object(object).and_then(|info| info.definition.as_deref());
    let json: Option<serde_json::Value> =
        definition.and_then(|text| serde_json::from_str(text).ok());
    let infos = json.as_ref().and_then(|json| json["recordTypeInfos"].as_array());
    let is_own = |info: &&serde_json::Value| {
        info["master"].as_bool() != Some(true) && info["active"].as_bool() != Some(false)
    };
    let names = infos.into_iter().flatten().filter(is_own).filter_map(|info| info["name"].as_str());
    names.map(str::to_owned).collect()
}

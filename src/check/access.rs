//! Whether objects and fields are there, and whether the connection may write them as the map asks.

use crate::config::{Access, CreatePolicy, Entity, Project, suggestion};
use crate::crm::CrmKind;
use crate::schema::Schema;

use super::finding::Findings;
use super::flows::{ends, flows};
use super::{Metadata, Place, Severity, vendor};

pub fn judge(project: &Project, entity: &Entity, metadata: &Metadata, findings: &mut Findings) {
    for kind in [CrmKind::HubSpot, CrmKind::Salesforce] {
        let Some(schema) = metadata.schema(kind) else { continue };
        objects(project, entity, kind, schema, findings);
    }
    for field in &entity.fields {
        let place = Place::field(entity, field);
        for (kind, object, name) in ends(entity, field) {
            let Some(schema) = metadata.schema(kind) else { continue };
            if schema.object(object).is_none() || schema.field(object, name).is_some() {
                continue;
            }
            let known: Vec<&str> = schema.fields_of(object).map(|f| f.field.as_str()).collect();
            let hint = suggestion(name, &known).filter(|hint| hint.starts_with("did you mean"));
            let hint = hint.map(|hint| format!("{hint} Otherwise "));
            findings.about(
                (Severity::Error, "field_missing"),
                &place,
                &format!("{object}.{name}"),
                format!(
                    "{} has no such field, or hides it from the connection: {{}}",
                    vendor(kind)
                ),
                format!(
                    "{}give the connection's user the right to read it, or correct the name",
                    hint.unwrap_or_default()
                ),
            );
        }
        for flow in flows(entity, field) {
            let info =
                metadata.schema(flow.to).and_then(|s| s.field(flow.to_object, flow.to_field));
            let Some(info) = info else { continue };
            if info.is_calculated {
                findings.about(
                    (Severity::Error, "calculated"),
                    &place,
                    &flow.target(),
                    format!(
                        "{} fills this field itself and takes no value for it: {{}}",
                        vendor(flow.to)
                    ),
                    "make its side the owner, or write into a field of its own",
                );
                continue;
            }
            let lacks = match (
                flow.is_update && !info.is_updateable,
                flow.is_create && !info.is_createable,
            ) {
                (true, _) => "change",
                (false, true) => "give on create",
                (false, false) => continue,
            };
            findings.about(
                (right_weight(project, flow.to), "not_writable"),
                &place,
                &flow.target(),
                format!("the map writes it, and the connection may not {lacks} it: {{}}"),
                match flow.to {
                    CrmKind::HubSpot => "let Salesforce's side receive it only, or choose a property that takes values".to_owned(),
                    CrmKind::Salesforce => "give the connection's user edit access by a permission set, or change the owner".to_owned(),
                },
            );
        }
    }
}

/// A right that is missing is no fault while nothing is written anyway.
pub fn right_weight(project: &Project, kind: CrmKind) -> Severity {
    let connection = project.connections.values().find(|connection| connection.kind == kind);
    match connection.map(|connection| connection.access) {
        Some(Access::Write) => Severity::Error,
        _ => Severity::Warning,
    }
}

/// Judges an entity's objects in one CRM.
fn objects(
    project: &Project,
    entity: &Entity,
    kind: CrmKind,
    schema: &Schema,
    findings: &mut Findings,
) {
    let objects: Vec<&str> = match kind {
        CrmKind::HubSpot => vec![&entity.hubspot],
        CrmKind::Salesforce => entity.salesforce.iter().map(String::as_str).collect(),
    };
    let place = Place::entity(entity, kind.as_str());
    for object in objects {
        let Some(info) = schema.object(object) else {
            findings.about(
                (Severity::Error, "object_missing"),
                &place,
                object,
                format!(
                    "{} has no such object, or hides it from the connection: {{}}",
                    vendor(kind)
                ),
                "give the connection's user or token the right to read it",
            );
            continue;
        };
        let is_updated = entity
            .fields
            .iter()
            .flat_map(|field| flows(entity, field))
            .any(|flow| flow.to == kind && flow.to_object == object && flow.is_update);
        let is_created = entity.create.of(kind) == CreatePolicy::Included
            && (kind == CrmKind::HubSpot || entity.create.as_object == object);
        let lacks = [
            (is_updated && !info.can_update, "change"),
            (is_created && !info.can_create, "create"),
        ];
        for (_, what) in lacks.into_iter().filter(|(is_lacking, _)| *is_lacking) {
            findings.about(
                (right_weight(project, kind), "no_right"),
                &place,
                object,
                format!("the map needs it, and the connection may not {what} records of {{}}"),
                match kind {
                    CrmKind::HubSpot => {
                        format!("add the scope `crm.objects.{object}.write` to the token")
                    }
                    CrmKind::Salesforce => {
                        "give the connection's user that right by a permission set".to_owned()
                    }
                },
            );
        }
    }
}

//! What a new record needs: key and link, required fields, and defaults that are taken.

use crate::config::{CreatePolicy, Entity, Project};
use crate::crm::CrmKind;
use crate::schema::{FieldInfo, Schema};

use super::access::right_weight;
use super::finding::Findings;
use super::types::{Shape, is_external_id, shape};
use super::{Metadata, Place, Severity, vendor};

/// Characters of a key that a plan mints: `c_` and sixteen hex digits.
const KEY_LENGTH: i64 = 18;

/// Characters of a Salesforce id, and more than any HubSpot id has.
const ID_LENGTH: i64 = 18;

pub fn judge(project: &Project, entity: &Entity, metadata: &Metadata, findings: &mut Findings) {
    for kind in [CrmKind::HubSpot, CrmKind::Salesforce] {
        let Some(schema) = metadata.schema(kind) else { continue };
        let (objects, created): (Vec<&str>, &str) = match kind {
            CrmKind::HubSpot => (vec![&entity.hubspot], &entity.hubspot),
            CrmKind::Salesforce => {
                (entity.salesforce.iter().map(String::as_str).collect(), &entity.create.as_object)
            }
        };
        let is_creating = entity.create.of(kind) == CreatePolicy::Included;
        for object in objects.into_iter().filter(|object| schema.object(object).is_some()) {
            let is_created = is_creating && object == created;
            if is_creating {
                key(project, entity, (kind, object), schema, is_created, findings);
            }
            link(entity, (kind, object), schema, is_creating, findings);
            if is_created {
                required(entity, (kind, object), schema, findings);
            }
        }
    }
    defaults(entity, metadata, findings);
}

fn key(
    project: &Project,
    entity: &Entity,
    (kind, object): (CrmKind, &str),
    schema: &Schema,
    is_created: bool,
    findings: &mut Findings,
) {
    let place = Place::entity(entity, "key");
    let name = entity.key.of(kind);
    let about = format!("{object}.{name}");
    // Without it a record that is made twice stays twice; after a conversion it is only evidence.
    let weight = if is_created { Severity::Error } else { Severity::Warning };
    let Some(info) = schema.field(object, name) else {
        let sentence = if is_created {
            "no record is created without its key field, and the connection sees none: {}"
        } else {
            "the key of a converted record is lost where its field is missing: {}"
        };
        findings.about((weight, "key_missing"), &place, &about, sentence, key_todo(kind));
        return;
    };
    if !info.is_unique {
        let sentence = "a key field must be unique, or a repeated create makes a second record: {}";
        findings.about((weight, "key_not_unique"), &place, &about, sentence, key_todo(kind));
    }
    if kind == CrmKind::Salesforce && !is_external_id(info) {
        let sentence = "a create is found again by its key only where it is an External ID: {}";
        findings.about((weight, "key_no_external_id"), &place, &about, sentence, key_todo(kind));
    }
    if is_created && !info.is_createable {
        let weight = right_weight(project, kind);
        let sentence = "the connection may not give the key of a new record: {}";
        findings.about(
            (weight, "key_not_writable"),
            &place,
            &about,
            sentence,
            "give its user edit access",
        );
    }
    too_narrow(info, KEY_LENGTH, weight, &place, &about, findings);
    if shape(kind, info) != Shape::Text {
        let sentence = "a key is text, and this field holds something else: {}";
        findings.about((weight, "key_no_text"), &place, &about, sentence, key_todo(kind));
    }
}

fn key_todo(kind: CrmKind) -> &'static str {
    match kind {
        CrmKind::HubSpot => {
            "make a single-line text property with `Require unique values for this property`; `concord init` says where"
        }
        CrmKind::Salesforce => {
            "make a Text(64) field with `Unique` and `External ID`, and map it from Lead to Contact; `concord init` says where"
        }
    }
}

fn link(
    entity: &Entity,
    (kind, object): (CrmKind, &str),
    schema: &Schema,
    is_creating: bool,
    findings: &mut Findings,
) {
    let place = Place::entity(entity, "link");
    let name = entity.link.of(kind);
    let about = format!("{object}.{name}");
    let weight = if is_creating { Severity::Error } else { Severity::Warning };
    let todo = match kind {
        CrmKind::HubSpot => {
            "make a single-line text property, not unique; `concord init` says where"
        }
        CrmKind::Salesforce => "make a Text(32) field, not unique; `concord init` says where",
    };
    let Some(info) = schema.field(object, name) else {
        let sentence = if is_creating {
            "no record is created without its link field, and the connection sees none: {}"
        } else {
            "linked records are found again by weaker evidence where no field holds the other's id: {}"
        };
        findings.about((weight, "link_missing"), &place, &about, sentence, todo);
        return;
    };
    if !info.is_updateable {
        let sentence = "the id of the other side's record is kept here, and the connection may not write it: {}";
        findings.about(
            (weight, "link_not_writable"),
            &place,
            &about,
            sentence,
            "give its user edit access",
        );
    }
    if info.is_unique {
        let sentence = "two records may point at one after a merge, and this field is unique: {}";
        findings.about((Severity::Warning, "link_unique"), &place, &about, sentence, todo);
    }
    if !matches!(shape(kind, info), Shape::Text) {
        let sentence = "a link holds the other side's record id as text, and this field holds something else: {}";
        findings.about((weight, "link_no_text"), &place, &about, sentence, todo);
    }
    too_narrow(info, ID_LENGTH, weight, &place, &about, findings);
}

fn too_narrow(
    info: &FieldInfo,
    length: i64,
    weight: Severity,
    place: &Place,
    about: &str,
    findings: &mut Findings,
) {
    if info.length_max.is_some_and(|max| max < length) {
        let sentence =
            format!("takes fewer than the {length} characters that are written there: {{}}");
        findings.about((weight, "too_narrow"), place, about, sentence, "make the field longer");
    }
}

/// Judges what a new record must have and where it comes from.
fn required(
    entity: &Entity,
    (kind, object): (CrmKind, &str),
    schema: &Schema,
    findings: &mut Findings,
) {
    let own = [entity.key.of(kind), entity.link.of(kind)];
    let is_needed = |info: &&FieldInfo| {
        // A contact without an address could be made twice, so the build asks for one.
        let is_address = kind == CrmKind::HubSpot && object == "contacts" && info.field == "email";
        (info.is_required && info.is_createable || is_address)
            && !own.contains(&info.field.as_str())
    };
    for info in schema.fields_of(object).filter(is_needed) {
        let about = format!("{object}.{}", info.field);
        let source = entity.fields.iter().find(|field| {
            let target = match kind {
                CrmKind::HubSpot => Some(&field.hubspot),
                CrmKind::Salesforce => field.salesforce.get(object),
            };
            target == Some(&info.field) && field.owner != crate::config::Owner::Compare
        });
        match source {
            None => findings.about(
                (Severity::Error, "required_without_source"),
                &Place::entity(entity, "create"),
                &about,
                format!(
                    "{} makes no record without this field, and no field of the map fills it: {{}}",
                    vendor(kind)
                ),
                "map it, with a `create_default` where the source may be blank",
            ),
            Some(field) if kind == CrmKind::Salesforce && field.create_default.is_some() => {}
            Some(field) => findings.about(
                (Severity::Note, "required_may_be_blank"),
                &Place::field(entity, field),
                &about,
                format!("whoever has no value in {} is not created: {{}}", vendor(other(kind))),
                match kind {
                    CrmKind::Salesforce => "fill it at its source, or add a `create_default`",
                    CrmKind::HubSpot => "fill it at its source",
                },
            ),
        }
    }
}

fn other(kind: CrmKind) -> CrmKind {
    match kind {
        CrmKind::HubSpot => CrmKind::Salesforce,
        CrmKind::Salesforce => CrmKind::HubSpot,
    }
}

/// Judges defaults, which stand in Salesforce's own words.
fn defaults(entity: &Entity, metadata: &Metadata, findings: &mut Findings) {
    let Some(schema) = metadata.schema(CrmKind::Salesforce) else { return };
    let object = entity.create.as_object.as_str();
    for field in &entity.fields {
        let Some(default) = &field.create_default else { continue };
        let place = Place::field(entity, field);
        let Some(name) = field.salesforce.get(object) else {
            let sentence = format!(
                "`create_default` is never used: new records are made as `{object}`, which the field is not mapped to"
            );
            findings.add((Severity::Note, "default_unused"), &place, sentence, "leave it out");
            continue;
        };
        if entity.create.salesforce == CreatePolicy::Never {
            let sentence = "`create_default` is never used: the map creates nobody in Salesforce";
            findings.add((Severity::Note, "default_unused"), &place, sentence, "leave it out");
        }
        let Some(info) = schema.field(object, name) else { continue };
        let about = format!("{object}.{name}");
        if info
            .length_max
            .is_some_and(|max| i64::try_from(default.chars().count()).unwrap_or(i64::MAX) > max)
        {
            let sentence = format!(
                "`create_default` is longer than the {} characters of {{}}",
                info.length_max.unwrap_or_default()
            );
            findings.about(
                (Severity::Error, "default_too_long"),
                &place,
                &about,
                sentence,
                "shorten it",
            );
        }
        let listed =
            schema.picklist_values.iter().filter(|v| v.object == object && v.field == *name);
        let listed: Vec<_> = listed.collect();
        let is_taken = listed.iter().any(|v| v.value == *default && v.is_active);
        if !listed.is_empty() && !is_taken {
            let known: Vec<&str> =
                listed.iter().filter(|v| v.is_active).map(|v| v.value.as_str()).collect();
            let todo = crate::config::suggestion(default, &known)
                .unwrap_or_else(|| "write one of its active values".to_owned());
            let sentence =
                format!("`create_default` is `{default}`, which is no active value of {{}}");
            findings.about((Severity::Error, "default_not_listed"), &place, &about, sentence, todo);
        }
    }
}

//! Describe answers in their full shape.

use rusqlite::types::Value as Cell;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::conditional;
use super::errors::Fault;
use super::org::Org;
use super::schema::{Field, Object, PicklistItem};

/// The record type that every object has.
const MASTER_RECORD_TYPE: &str = "012000000000000AAA";

/// Answers `GET sobjects`.
pub fn global(org: &Org<'_>, call: &Call) -> Answer {
    let objects: Vec<Value> =
        org.catalog.visible_objects().map(|object| Value::Object(summary(object, call))).collect();
    Answer::json(200, &json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects}))
}

/// Answers `GET sobjects/X`.
pub fn basic(object: &Object, call: &Call) -> Answer {
    Answer::json(200, &json!({"objectDescribe": summary(object, call), "recentItems": []}))
}

/// Answers `GET sobjects/X/describe`.
///
/// # Errors
/// When the database fails.
pub fn full(org: &Org<'_>, object: &Object, call: &Call) -> Result<Answer, Fault> {
    if let Some(unchanged) = conditional::check(call, org.changed_at)? {
        return Ok(unchanged);
    }
    let mut described = summary(object, call);
    let extra = json!({
        "actionOverrides": [],
        "compactLayoutable": true,
        "defaultImplementation": null,
        "extendedBy": null,
        "extendsInterfaces": null,
        "implementedBy": null,
        "implementsInterfaces": null,
        "listviewable": null,
        "lookupLayoutable": null,
        "namedLayoutInfos": [],
        "networkScopeFieldName": null,
        "searchLayoutable": true,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{
            "label": format!("All {}", object.label_plural.to_lowercase()),
            "name": "everything",
        }],
    });
    if let Value::Object(extra) = extra {
        described.extend(extra);
    }
    for (key, value) in &object.declared {
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        if !is_empty {
            described.insert(key.clone(), value.clone());
        }
    }
    if !described.contains_key("recordTypeInfos") || !org.rules.record_types.is_empty() {
        let infos = record_types(org, object, call)?;
        described.insert("recordTypeInfos".to_owned(), Value::Array(infos));
    }
    described.insert("childRelationships".to_owned(), child_relationships(org, object));
    let fields = object
        .visible_fields()
        .map(|field| Ok(Value::Object(describe_field(org, object, field)?)))
        .collect::<Result<Vec<_>, Fault>>()?;
    described.insert("fields".to_owned(), Value::Array(fields));
    let answer = Answer::json(200, &described);
    Ok(match conditional::http_date(org.changed_at) {
        Some(date) => answer.with("last-modified", date),
        None => answer,
    })
}

fn describe_field(
    org: &Org<'_>,
    object: &Object,
    field: &Field,
) -> Result<Map<String, Value>, Fault> {
    let mut values: Vec<Value> = field.picklist.iter().map(picklist_value).collect();
    if !field.picklist.is_empty() {
        // An unrestricted picklist keeps every text that was ever written to it.
        for value in org.added_picklist_values(object, field)? {
            values.push(picklist_value(&PicklistItem {
                label: value.clone(),
                value,
                is_active: false,
                is_default: false,
                valid_for: None,
            }));
        }
    }
    let mut described = field.described.clone();
    described.insert("picklistValues".to_owned(), Value::Array(values));
    Ok(described)
}

fn picklist_value(item: &PicklistItem) -> Value {
    json!({
        "active": item.is_active,
        "defaultValue": item.is_default,
        "label": item.label,
        "validFor": item.valid_for,
        "value": item.value,
    })
}

/// Returns the object's record types, the vendor's own one last.
fn record_types(org: &Org<'_>, object: &Object, call: &Call) -> Result<Vec<Value>, Fault> {
    let info = |id: &str, name: &str, developer_name: &str, is_active: bool, is_default: bool| {
        json!({
            "active": is_active,
            "available": is_active,
            "defaultRecordTypeMapping": is_default,
            "developerName": developer_name,
            "master": id == MASTER_RECORD_TYPE,
            "name": name,
            "recordTypeId": id,
            "urls": {"layout": call.url(&format!("sobjects/{}/describe/layouts/{id}", object.name))},
        })
    };
    let default = org.rules.default_record_type(&object.name);
    let mut infos = Vec::new();
    if let Some(types) = org.whole.object("RecordType")
        && let Some(of) = types.field("SobjectType")
    {
        for row in org.rows_by(types, of, &Cell::Text(object.name.clone()))? {
            let text = |field: &str| row.text(types, field).unwrap_or_default();
            let id = row.id(types);
            let is_active = row.is_true(types, "IsActive");
            infos.push(info(
                id,
                text("Name"),
                text("DeveloperName"),
                is_active,
                default == Some(id),
            ));
        }
    }
    infos.push(info(MASTER_RECORD_TYPE, "Master", "Master", true, default.is_none()));
    Ok(infos)
}

fn child_relationships(org: &Org<'_>, object: &Object) -> Value {
    org.catalog
        .all_children(object)
        .map(|children| {
            json!({
                "cascadeDelete": children.field.described.get("cascadeDelete"),
                "childSObject": children.object.name,
                "deprecatedAndHidden": false,
                "field": children.field.name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": children.name,
                "restrictedDelete": children.field.described.get("restrictedDelete"),
            })
        })
        .collect()
}

/// Returns what the global list says of an object.
fn summary(object: &Object, call: &Call) -> Map<String, Value> {
    let url = |rest: &str| call.url(&format!("sobjects/{}{rest}", object.name));
    let is_record = object.is_createable;
    let key_prefix = (!object.key_prefix.is_empty()).then_some(&object.key_prefix);
    let is_mergeable = matches!(object.name.as_str(), "Account" | "Contact" | "Lead");
    let mut summary = Map::new();
    let defaults = json!({
        "activateable": false,
        "associateEntityType": null,
        "associateParentEntity": null,
        "createable": object.is_createable,
        "custom": object.name.ends_with("__c"),
        "customSetting": false,
        "deepCloneable": false,
        "deletable": object.is_deletable,
        "deprecatedAndHidden": false,
        "feedEnabled": is_record,
        "hasSubtypes": false,
        "isInterface": false,
        "isSubtype": false,
        "keyPrefix": key_prefix,
        "label": object.label,
        "labelPlural": object.label_plural,
        "layoutable": is_record,
        "mergeable": is_mergeable,
        "mruEnabled": is_record,
        "name": object.name,
        "queryable": true,
        "replicateable": true,
        "retrieveable": true,
        "searchable": is_record,
        "triggerable": is_record,
        "undeletable": object.is_deletable,
        "updateable": object.is_updateable,
        "urls": {
            "compactLayouts": url("/describe/compactLayouts"),
            "rowTemplate": url("/{ID}"),
            "describe": url("/describe"),
            "quickActions": url("/quickActions"),
            "layouts": url("/describe/layouts"),
            "sobject": url(""),
        },
    });
    if let Value::Object(defaults) = defaults {
        for (key, value) in defaults {
            let declared = object.declared.get(&key).filter(|_| key != "urls").cloned();
            summary.insert(key, declared.unwrap_or(value));
        }
    }
    summary
}

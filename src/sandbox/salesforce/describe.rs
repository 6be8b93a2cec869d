//! Describe answers in their full shape.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::errors::Fault;
use super::org::Org;
use super::schema::{Field, Object};

/// The record type that every object has.
const MASTER_RECORD_TYPE: &str = "012000000000000AAA";

/// Answers `GET sobjects`.
pub fn global(org: &Org<'_>, call: &Call) -> Answer {
    let objects: Vec<Value> =
        org.catalog.objects.iter().map(|object| Value::Object(summary(object, call))).collect();
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
        "recordTypeInfos": [{
            "active": true,
            "available": true,
            "defaultRecordTypeMapping": true,
            "developerName": "Master",
            "master": true,
            "name": "Master",
            "recordTypeId": MASTER_RECORD_TYPE,
            "urls": {"layout": call.url(&format!(
                "sobjects/{}/describe/layouts/{MASTER_RECORD_TYPE}", object.name
            ))},
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
    described.insert("childRelationships".to_owned(), child_relationships(org, object));
    let fields = object
        .visible_fields()
        .map(|field| Ok(Value::Object(describe_field(org, object, field)?)))
        .collect::<Result<Vec<_>, Fault>>()?;
    described.insert("fields".to_owned(), Value::Array(fields));
    Ok(Answer::json(200, &described))
}

fn describe_field(
    org: &Org<'_>,
    object: &Object,
    field: &Field,
) -> Result<Map<String, Value>, Fault> {
    let mut values: Vec<Value> = field
        .picklist
        .iter()
        .map(|item| picklist_value(&item.value, &item.label, item.is_active, item.is_default))
        .collect();
    if !field.picklist.is_empty() {
        // An unrestricted picklist keeps every text that was ever written to it.
        for value in org.added_picklist_values(object, field)? {
            values.push(picklist_value(&value, &value, false, false));
        }
    }
    let mut described = field.described.clone();
    described.insert("picklistValues".to_owned(), Value::Array(values));
    Ok(described)
}

fn picklist_value(value: &str, label: &str, is_active: bool, is_default: bool) -> Value {
    json!({
        "active": is_active,
        "defaultValue": is_default,
        "label": label,
        "validFor": null,
        "value": value,
    })
}

fn child_relationships(org: &Org<'_>, object: &Object) -> Value {
    let mut children = Vec::new();
    for child in &org.catalog.objects {
        for field in child.visible_fields().filter(|f| f.reference_to.contains(&object.name)) {
            children.push(json!({
                "cascadeDelete": field.described.get("cascadeDelete"),
                "childSObject": child.name,
                "deprecatedAndHidden": false,
                "field": field.name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": null,
                "restrictedDelete": field.described.get("restrictedDelete"),
            }));
        }
    }
    Value::Array(children)
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

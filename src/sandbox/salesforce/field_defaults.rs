//! Fills in the describe attributes that a compact schema leaves out.
//!
//! The attributes and their usual values are those of the vendor's own describe answers.

use serde_json::{Map, Value, json};

use super::schema::{Field, FieldKind, PicklistItem};

/// Objects that keep no recycle bin, so that describe shows no `IsDeleted`.
const WITHOUT_RECYCLE_BIN: [&str; 6] =
    ["User", "Group", "Organization", "RecordType", "LeadStatus", "OpportunityStage"];
/// Longest text that can be filtered, sorted and grouped by.
const LONGEST_PLAIN_TEXT: i64 = 255;

/// Fields that the platform keeps on every record: name, type, label.
const SYSTEM_FIELDS: [(&str, &str, &str); 7] = [
    ("Id", "id", "Record ID"),
    ("IsDeleted", "boolean", "Deleted"),
    ("CreatedDate", "datetime", "Created Date"),
    ("CreatedById", "reference", "Created By ID"),
    ("LastModifiedDate", "datetime", "Last Modified Date"),
    ("LastModifiedById", "reference", "Last Modified By ID"),
    ("SystemModstamp", "datetime", "System Modstamp"),
];

/// Expands one declared field, or returns `None` when it lacks a name or a known type.
pub fn expand(object: &str, raw: Map<String, Value>) -> Option<Field> {
    let name = raw.get("name")?.as_str()?.to_owned();
    let is_system = is_system(&name);
    let type_name = match raw.get("type").and_then(Value::as_str) {
        Some(type_name) => type_name.to_owned(),
        None => system_type(&name)?.to_owned(),
    };
    let kind = FieldKind::parse(&type_name)?;
    let picklist = picklist(raw.get("picklistValues"));
    let mut described = defaults(object, &name, &type_name, kind, is_system);
    let given_length = raw.get("length").and_then(Value::as_i64);
    if let Some(length) = given_length {
        described.insert("length".to_owned(), json!(length));
    }
    let length = number(&described, "length");
    if kind.is_text() {
        described.insert("byteLength".to_owned(), json!(length * 3));
        if length > LONGEST_PLAIN_TEXT && type_name == "textarea" {
            for key in ["filterable", "sortable", "groupable", "aggregatable"] {
                described.insert(key.to_owned(), json!(false));
            }
        }
    }
    if picklist.iter().any(|item| item.is_default) {
        described.insert("defaultedOnCreate".to_owned(), json!(true));
    }
    let is_given = |key: &str| raw.contains_key(key);
    let computed = raw.get("calculated").and_then(Value::as_bool).unwrap_or(false)
        || raw.get("autoNumber").and_then(Value::as_bool).unwrap_or(false);
    if computed {
        described.insert("createable".to_owned(), json!(false));
        described.insert("updateable".to_owned(), json!(false));
    }
    if raw.get("externalId").and_then(Value::as_bool).unwrap_or(false) && !is_given("idLookup") {
        described.insert("idLookup".to_owned(), json!(true));
    }
    for (key, value) in raw {
        if key != "picklistValues" {
            described.insert(key, value);
        }
    }
    if described.get("relationshipName").is_none_or(Value::is_null) && kind == FieldKind::Reference
    {
        described.insert("relationshipName".to_owned(), json!(relationship_name(&name)));
    }
    let reference_to = strings(described.get("referenceTo"));
    if reference_to.len() > 1 {
        for key in ["polymorphicForeignKey", "namePointing"] {
            described.insert(key.to_owned(), json!(true));
        }
    }
    Some(field(name, kind, described, reference_to, picklist))
}

/// Returns the first characters of an object's ids, for a schema that names none.
pub fn key_prefix(object: &str) -> &'static str {
    match object {
        "Account" => "001",
        "Contact" => "003",
        "Lead" => "00Q",
        "Opportunity" => "006",
        "OpportunityContactRole" => "00K",
        "OpportunityHistory" => "008",
        "OpportunityStage" => "01J",
        "LeadStatus" => "01I",
        "Campaign" => "701",
        "CampaignMember" => "00v",
        "Task" => "00T",
        "Event" => "00U",
        "User" => "005",
        "Group" => "00G",
        "Organization" => "00D",
        "RecordType" => "012",
        "AssignmentRule" => "01Q",
        "Case" => "500",
        name if name.ends_with("History") => "017",
        _ => "a00",
    }
}

/// Adds the system fields that a schema file left out.
pub fn add_system_fields(object: &str, fields: &mut Vec<Field>) {
    let is_history = object.ends_with("History");
    for (position, (name, _, label)) in SYSTEM_FIELDS.iter().enumerate() {
        if fields.iter().any(|field| field.name.eq_ignore_ascii_case(name)) {
            continue;
        }
        let raw = match json!({"name": name, "label": label}) {
            Value::Object(raw) => raw,
            _ => Map::new(),
        };
        let Some(mut field) = expand(object, raw) else { continue };
        field.is_hidden = match *name {
            "IsDeleted" => WITHOUT_RECYCLE_BIN.contains(&object),
            "LastModifiedDate" | "LastModifiedById" => is_history,
            "SystemModstamp" => is_history && object != "OpportunityHistory",
            _ => false,
        };
        let index = if position < 2 { position.min(fields.len()) } else { fields.len() };
        fields.insert(index, field);
    }
}

fn defaults(
    object: &str,
    name: &str,
    type_name: &str,
    kind: FieldKind,
    is_system: bool,
) -> Map<String, Value> {
    let is_person = matches!(object, "Lead" | "Contact" | "User");
    let is_person_name = is_person && name == "Name";
    let is_read_only = is_system || is_person_name || kind == FieldKind::Compound;
    let is_boolean = kind == FieldKind::Boolean;
    let is_compound = kind == FieldKind::Compound;
    let is_number = matches!(kind, FieldKind::Number);
    let is_moment = kind == FieldKind::DateTime;
    let length = match type_name {
        "id" | "reference" => 18,
        "phone" => 40,
        "email" => 80,
        "textarea" => 32_000,
        "multipicklist" => 4_099,
        _ if kind.is_text() => 255,
        _ => 0,
    };
    let references =
        if name == "OwnerId" || name.ends_with("ById") { vec!["User"] } else { vec![] };
    let attributes = [
        ("aggregatable", json!(!is_boolean && !is_compound)),
        ("aiPredictionField", json!(false)),
        ("autoNumber", json!(false)),
        ("byteLength", json!(if kind.is_id() { 18 } else { 0 })),
        ("calculated", json!(false)),
        ("calculatedFormula", json!(null)),
        ("cascadeDelete", json!(false)),
        ("caseSensitive", json!(false)),
        ("compoundFieldName", json!(null)),
        ("controllerName", json!(null)),
        ("createable", json!(!is_read_only)),
        ("custom", json!(name.ends_with("__c"))),
        ("defaultValue", json!(if is_boolean { json!(false) } else { Value::Null })),
        ("defaultValueFormula", json!(null)),
        ("defaultedOnCreate", json!(is_system || is_boolean || name == "OwnerId")),
        ("dependentPicklist", json!(false)),
        ("deprecatedAndHidden", json!(false)),
        ("digits", json!(if kind == FieldKind::Int { 8 } else { 0 })),
        ("displayLocationInDecimal", json!(false)),
        ("encrypted", json!(false)),
        ("externalId", json!(false)),
        ("extraTypeInfo", json!(if is_person_name { json!("personname") } else { Value::Null })),
        ("filterable", json!(true)),
        ("filteredLookupInfo", json!(null)),
        ("formulaTreatNullNumberAsZero", json!(false)),
        ("groupable", json!(!is_number && !is_moment && !is_compound)),
        ("highScaleNumber", json!(false)),
        ("htmlFormatted", json!(false)),
        (
            "idLookup",
            json!(kind == FieldKind::Id || (name == "Email" && is_person && object != "User")),
        ),
        ("inlineHelpText", json!(null)),
        ("label", json!(name)),
        ("length", json!(length)),
        ("mask", json!(null)),
        ("maskType", json!(null)),
        ("name", json!(name)),
        ("nameField", json!(name == "Name")),
        ("namePointing", json!(false)),
        ("nillable", json!(!(is_system || is_boolean || name == "OwnerId" || is_person_name))),
        ("permissionable", json!(!is_system && name != "OwnerId" && name != "Name")),
        ("picklistValues", json!([])),
        ("polymorphicForeignKey", json!(false)),
        ("precision", json!(if is_number { 18 } else { 0 })),
        ("queryByDistance", json!(is_compound)),
        ("referenceTargetField", json!(null)),
        ("referenceTo", json!(references)),
        ("relationshipName", json!(null)),
        ("relationshipOrder", json!(null)),
        ("restrictedDelete", json!(false)),
        ("restrictedPicklist", json!(false)),
        ("scale", json!(0)),
        ("searchPrefilterable", json!(false)),
        ("soapType", json!(soap_type(type_name))),
        ("sortable", json!(!is_compound && kind != FieldKind::MultiPicklist)),
        ("type", json!(type_name)),
        ("unique", json!(false)),
        ("updateable", json!(!is_read_only)),
        ("writeRequiresMasterRead", json!(false)),
    ];
    attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn field(
    name: String,
    kind: FieldKind,
    described: Map<String, Value>,
    reference_to: Vec<String>,
    picklist: Vec<PicklistItem>,
) -> Field {
    let flag = |key: &str| described.get(key).and_then(Value::as_bool).unwrap_or(false);
    let size = |key: &str| usize::try_from(number(&described, key)).unwrap_or_default();
    let words = |key: &str| described.get(key).and_then(Value::as_str).map(str::to_owned);
    Field {
        label: words("label").unwrap_or_else(|| name.clone()),
        kind,
        length: size("length"),
        precision: size("precision"),
        scale: size("scale"),
        is_createable: flag("createable"),
        is_updateable: flag("updateable"),
        is_nillable: flag("nillable"),
        is_defaulted_on_create: flag("defaultedOnCreate"),
        is_unique: flag("unique"),
        is_case_sensitive: flag("caseSensitive"),
        is_lookup_key: flag("idLookup") || flag("externalId"),
        is_restricted: flag("restrictedPicklist"),
        is_filterable: flag("filterable"),
        is_sortable: flag("sortable"),
        is_custom: flag("custom"),
        controller: words("controllerName").filter(|_| flag("dependentPicklist")),
        reference_to,
        relationship_name: words("relationshipName"),
        picklist,
        default_value: described.get("defaultValue").cloned().unwrap_or(Value::Null),
        is_hidden: false,
        name,
        described,
    }
}

/// Reads picklist values given as objects or as bare texts.
fn picklist(values: Option<&Value>) -> Vec<PicklistItem> {
    let Some(Value::Array(values)) = values else { return Vec::new() };
    values
        .iter()
        .filter_map(|item| {
            let value = item.as_str().or_else(|| item.get("value")?.as_str())?;
            let flag = |key: &str| item.get(key).and_then(Value::as_bool);
            Some(PicklistItem {
                value: value.to_owned(),
                label: item.get("label").and_then(Value::as_str).unwrap_or(value).to_owned(),
                is_active: flag("active").unwrap_or(true),
                is_default: flag("defaultValue").unwrap_or(false),
                valid_for: item.get("validFor").and_then(Value::as_str).map(str::to_owned),
            })
        })
        .collect()
}

fn is_system(name: &str) -> bool {
    system_type(name).is_some()
}

fn system_type(name: &str) -> Option<&'static str> {
    SYSTEM_FIELDS.iter().find(|(own, _, _)| *own == name).map(|(_, type_name, _)| *type_name)
}

fn soap_type(type_name: &str) -> &'static str {
    match type_name {
        "id" | "reference" => "tns:ID",
        "boolean" => "xsd:boolean",
        "int" => "xsd:int",
        "long" => "xsd:long",
        "double" | "currency" | "percent" => "xsd:double",
        "date" => "xsd:date",
        "datetime" => "xsd:dateTime",
        "time" => "xsd:time",
        "base64" => "xsd:base64Binary",
        "address" => "urn:address",
        "location" => "urn:location",
        _ => "xsd:string",
    }
}

fn relationship_name(field: &str) -> String {
    match (field.strip_suffix("__c"), field.strip_suffix("Id")) {
        (Some(stem), _) => format!("{stem}__r"),
        (None, Some(stem)) => stem.to_owned(),
        (None, None) => field.to_owned(),
    }
}

fn number(map: &Map<String, Value>, key: &str) -> i64 {
    map.get(key).and_then(Value::as_i64).unwrap_or_default()
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let Some(Value::Array(values)) = value else { return Vec::new() };
    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

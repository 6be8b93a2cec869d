//! The fields that these worlds have beside the demo's, and what both CRMs say of them.

use serde_json::{Value, json};

/// A property of HubSpot contacts with the field of leads and contacts in Salesforce.
struct Own {
    hubspot: &'static str,
    /// HubSpot's type and field type.
    kind: (&'static str, &'static str),
    /// Value, and whether HubSpot hides it.
    options: &'static [(&'static str, bool)],
    salesforce: &'static str,
    /// Salesforce's type and length.
    sf_kind: (&'static str, u64),
    /// Value, and whether it is active.
    sf_values: &'static [(&'static str, bool)],
    is_restricted: bool,
}

const PLAIN: Own = Own {
    hubspot: "",
    kind: ("string", "text"),
    options: &[],
    salesforce: "",
    sf_kind: ("string", 255),
    sf_values: &[],
    is_restricted: false,
};

const TRUTH: &[(&str, bool)] = &[("true", false), ("false", false)];

/// Most characters of the two short text fields.
pub const SHORT: usize = 12;

const OWN: &[Own] = &[
    Own { hubspot: "w_mobile", kind: ("string", "phonenumber"), salesforce: "", ..PLAIN },
    Own { hubspot: "w_note", salesforce: "W_Note__c", ..PLAIN },
    Own {
        hubspot: "w_other_email",
        salesforce: "W_Other_Email__c",
        sf_kind: ("email", 80),
        ..PLAIN
    },
    Own {
        hubspot: "w_topics",
        kind: ("enumeration", "checkbox"),
        options: &[("sql", false), ("etl", false), ("bi", false), ("ml", false), ("ops", false)],
        salesforce: "W_Topics__c",
        sf_kind: ("multipicklist", 4099),
        sf_values: &[("SQL", true), ("ETL", true), ("BI", true), ("ML", true), ("Other", true)],
        is_restricted: true,
    },
    Own {
        hubspot: "w_regions",
        kind: ("enumeration", "checkbox"),
        options: &[("us", false), ("ca", false), ("de", false), ("jp", false), ("mars", false)],
        salesforce: "W_Regions__c",
        sf_kind: ("multipicklist", 4099),
        sf_values: &[("Americas", true), ("Europe", true), ("Asia", true)],
        is_restricted: true,
    },
    Own {
        hubspot: "w_channel",
        kind: ("enumeration", "select"),
        options: &[("gold", false), ("golden", false), ("silver", false), ("bronze", true)],
        salesforce: "W_Channel__c",
        sf_kind: ("picklist", 255),
        sf_values: &[("Gold", true), ("Silver", true), ("Bronze", true), ("Lead", true)],
        is_restricted: true,
    },
    Own {
        hubspot: "w_tier",
        kind: ("enumeration", "select"),
        options: &[
            ("free", false),
            ("team", false),
            ("scale", false),
            ("legacy", false),
            ("trial", false),
        ],
        salesforce: "W_Tier__c",
        sf_kind: ("picklist", 255),
        sf_values: &[("Free", true), ("Team", true), ("Scale", true), ("Legacy", false)],
        is_restricted: true,
    },
    Own {
        hubspot: "w_preference",
        kind: ("enumeration", "select"),
        options: &[("mail", false), ("call", false), ("visit", false)],
        salesforce: "W_Preference__c",
        sf_kind: ("picklist", 255),
        sf_values: &[("Mail", true), ("Call", true), ("Visit", true)],
        is_restricted: true,
    },
    Own { hubspot: "w_vip", salesforce: "W_Vip__c", ..FLAG },
    Own { hubspot: "w_beta", salesforce: "W_Beta__c", ..FLAG },
    Own { hubspot: "w_partner", salesforce: "W_Partner__c", ..FLAG },
    Own { hubspot: "w_opt_out", salesforce: "W_Opt_Out__c", ..FLAG },
    Own { hubspot: "w_rating", salesforce: "W_Rating__c", ..NUMBER },
    Own { hubspot: "w_budget", salesforce: "W_Budget__c", sf_kind: ("currency", 0), ..NUMBER },
    Own { hubspot: "w_spend", salesforce: "W_Spend__c", sf_kind: ("currency", 0), ..NUMBER },
    Own {
        hubspot: "w_birthday",
        kind: ("date", "date"),
        salesforce: "W_Birthday__c",
        sf_kind: ("date", 0),
        ..PLAIN
    },
    Own {
        hubspot: "w_renewal",
        kind: ("datetime", "date"),
        salesforce: "W_Renewal__c",
        sf_kind: ("date", 0),
        ..PLAIN
    },
    Own {
        hubspot: "w_signed",
        kind: ("date", "date"),
        salesforce: "W_Signed__c",
        sf_kind: ("datetime", 0),
        ..PLAIN
    },
    Own {
        hubspot: "w_last_seen",
        kind: ("datetime", "date"),
        salesforce: "W_Last_Seen__c",
        sf_kind: ("datetime", 0),
        ..PLAIN
    },
    Own {
        hubspot: "w_nickname",
        salesforce: "W_Nickname__c",
        sf_kind: ("string", SHORT as u64),
        ..PLAIN
    },
    Own {
        hubspot: "w_motto",
        salesforce: "W_Motto__c",
        sf_kind: ("string", SHORT as u64),
        ..PLAIN
    },
    Own { hubspot: "w_bio", salesforce: "W_Bio__c", ..PLAIN },
    Own { hubspot: "w_origin", salesforce: "W_Origin__c", ..PLAIN },
    Own { hubspot: "w_territory", salesforce: "W_Territory__c", ..PLAIN },
];

const FLAG: Own =
    Own { kind: ("bool", "booleancheckbox"), options: TRUTH, sf_kind: ("boolean", 0), ..PLAIN };

const NUMBER: Own = Own { kind: ("number", "number"), sf_kind: ("double", 0), ..PLAIN };

/// Adds the properties to the demo's file of HubSpot contacts.
pub fn add_properties(file: &mut Value) {
    let properties = file["properties"].as_array_mut().expect("properties");
    for own in OWN {
        let options: Vec<Value> = own
            .options
            .iter()
            .enumerate()
            .map(|(at, (value, is_hidden))| {
                json!({ "label": value, "value": value, "displayOrder": at, "hidden": is_hidden })
            })
            .collect();
        properties.push(json!({
            "name": own.hubspot, "label": own.hubspot, "type": own.kind.0, "fieldType": own.kind.1,
            "groupName": "contactinformation", "description": "", "options": options,
            "displayOrder": -1, "calculated": false, "externalOptions": false,
            "hasUniqueValue": false, "hidden": false, "hubspotDefined": false, "formField": true,
            "modificationMetadata": {
                "archivable": true, "readOnlyDefinition": false,
                "readOnlyValue": false, "readOnlyOptions": false,
            },
        }));
    }
}

/// Adds the fields to the demo's file of Salesforce leads or contacts.
pub fn add_fields(file: &mut Value) {
    let fields = file["fields"].as_array_mut().expect("fields");
    for own in OWN.iter().filter(|own| !own.salesforce.is_empty()) {
        let (kind, length) = own.sf_kind;
        let mut field = json!({
            "name": own.salesforce, "label": own.salesforce, "type": kind, "length": length,
            "createable": true, "updateable": true, "nillable": kind != "boolean",
            "defaultedOnCreate": kind == "boolean", "custom": true, "calculated": false,
        });
        if matches!(kind, "double" | "currency") {
            field["precision"] = json!(18);
            field["scale"] = json!(2);
        }
        if !own.sf_values.is_empty() {
            field["restrictedPicklist"] = json!(own.is_restricted);
            field["picklistValues"] = own
                .sf_values
                .iter()
                .map(|(value, is_active)| {
                    json!({ "active": is_active, "defaultValue": false, "label": value,
                            "validFor": null, "value": value })
                })
                .collect();
        }
        fields.push(field);
    }
}

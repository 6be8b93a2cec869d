use super::*;
use crate::config::read_field_map;
use crate::crm::CrmKind::{self, HubSpot, Salesforce};
use crate::schema::{FieldInfo, PicklistValue, Schema, User, UserType};

const MAP: &str = r#"
[person]
hubspot = "contacts"
salesforce = ["Lead", "Contact"]

[person.fields.discount]
type = "percent"
hubspot_keeps = "fraction"
hubspot = "discount"
salesforce = { Lead = "Discount__c" }
owner = "salesforce"

[person.fields.country]
type = "country"
hubspot = "country"
salesforce = { Lead = "CountryCode" }
owner = "hubspot"
values = { "Holland (NL)" = "NL" }

[person.fields.source]
type = "picklist"
hubspot = "source"
salesforce = { Lead = "LeadSource" }
owner = "hubspot"
values = "by_label"

[person.fields.newsletter]
type = "consent"
restrictive = false
hubspot = "newsletter"
salesforce = { Lead = "No_Newsletter__c" }
owner = "hubspot"
values = { "true" = "false", "false" = "true" }

[person.fields.phone]
type = "phone"
hubspot = "phone"
salesforce = { Lead = "Phone" }
owner = "hubspot"

[person.fields.owner]
type = "owner"
hubspot = "hubspot_owner_id"
salesforce = { Lead = "OwnerId" }
owner = "hubspot"
values = { "inbound@example.com" = "Inbound" }
fallback = { salesforce = "ops@example.com" }
"#;

fn field(object: &str, field: &str) -> FieldInfo {
    FieldInfo {
        object: object.to_owned(),
        field: field.to_owned(),
        label: field.to_owned(),
        vendor_type: "string".to_owned(),
        length_max: None,
        scale: None,
        is_required: false,
        is_createable: true,
        is_updateable: true,
        is_unique: false,
        is_calculated: false,
        is_restricted: true,
        is_custom: false,
        references: None,
        definition: None,
    }
}

fn value(object: &str, field: &str, value: &str, label: &str) -> PicklistValue {
    PicklistValue {
        object: object.to_owned(),
        field: field.to_owned(),
        value: value.to_owned(),
        label: label.to_owned(),
        is_active: true,
        sort_order: 0,
    }
}

fn user(id: &str, email: Option<&str>, name: &str, is_active: bool) -> User {
    User {
        user_id: id.to_owned(),
        email: email.map(str::to_owned),
        name: name.to_owned(),
        user_type: if email.is_some() { UserType::Person } else { UserType::Queue },
        is_active,
        definition: None,
    }
}

fn registry() -> FieldRegistry {
    let map = read_field_map(MAP).expect("the map is sound");
    let names = ["discount", "country", "source", "newsletter", "phone", "hubspot_owner_id"];
    let hubspot = Schema {
        fields: names.map(|name| field("contacts", name)).into(),
        picklist_values: vec![value("contacts", "source", "organic_search", "Organic Search")],
        users: vec![
            user("1", Some("Ana@Example.com"), "Ana", true),
            user("2", Some("inbound@example.com"), "Inbound", true),
            user("3", Some("gone@example.com"), "Gone", true),
        ],
        ..Schema::default()
    };
    let names =
        ["Discount__c", "CountryCode", "LeadSource", "No_Newsletter__c", "Phone", "OwnerId"];
    let salesforce = Schema {
        fields: names.map(|name| field("Lead", name)).into(),
        picklist_values: vec![
            value("Lead", "CountryCode", "NL", "Netherlands"),
            value("Lead", "CountryCode", "US", "United States"),
            value("Lead", "LeadSource", "SEO", "organic search"),
        ],
        users: vec![
            user("005A", Some("ana@example.com"), "Ana", true),
            user("005G", Some("gone@example.com"), "Gone", false),
            user("005O", Some("ops@example.com"), "Ops", true),
            user("00GI", None, "Inbound", true),
        ],
        ..Schema::default()
    };
    FieldRegistry::new(&map, hubspot, salesforce, "US")
}

fn image_of(name: &str, from: CrmKind, raw: &str, object: &str) -> Result<String, Problem> {
    let registry = registry();
    let mapped = registry.field(&format!("person.{name}")).expect("the map has the field");
    image(&registry, mapped, from, raw, object, false).map(Option::unwrap_or_default)
}

/// Checks that a HubSpot and a Salesforce value are one, and what each becomes on the other side.
fn check(name: &str, hubspot: &str, salesforce: &str) {
    let registry = registry();
    let mapped = registry.field(&format!("person.{name}")).expect("the map has the field");
    assert_eq!(
        canonical(&registry, mapped, HubSpot, hubspot),
        canonical(&registry, mapped, Salesforce, salesforce),
        "{name}"
    );
    assert_eq!(image_of(name, HubSpot, hubspot, "Lead").as_deref(), Ok(salesforce), "{name}");
    assert_eq!(
        image_of(name, Salesforce, salesforce, "contacts").as_deref(),
        Ok(hubspot),
        "{name}"
    );
}

#[test]
fn values_of_each_type_survive_the_way_there_and_back() {
    check("discount", "0.125", "12.5");
    check("discount", "1", "100");
    check("country", "Holland (NL)", "NL");
    check("source", "organic_search", "SEO");
    check("newsletter", "true", "false");
    check("newsletter", "false", "true");
    check("phone", "+14155550132 x7", "+14155550132 x7");
    check("owner", "1", "005A");
    check("owner", "2", "00GI");
}

#[test]
fn a_country_is_named_as_the_target_lists_it() {
    assert_eq!(
        image_of("country", HubSpot, "United States of America", "Lead").as_deref(),
        Ok("US")
    );
    assert_eq!(image_of("country", HubSpot, "u.s.a.", "Lead").as_deref(), Ok("US"));
    assert_eq!(image_of("country", Salesforce, "US", "contacts").as_deref(), Ok("US"));
}

#[test]
fn whoever_is_not_there_is_stood_in_for_on_the_side_that_has_a_fallback() {
    assert_eq!(image_of("owner", HubSpot, "3", "Lead").as_deref(), Ok("005O"));
    assert_eq!(image_of("owner", Salesforce, "005O", "contacts"), Err(Problem::OwnerUnmapped));
    assert_eq!(image_of("owner", Salesforce, "unknown", "contacts"), Err(Problem::OwnerUnmapped));
}

#[test]
fn a_value_of_the_warehouse_speaks_the_words_of_hubspot_on_both_sides() {
    assert_eq!(image_of("discount", HubSpot, "0.5", "contacts").as_deref(), Ok("0.5"));
    assert_eq!(image_of("discount", HubSpot, "0.5", "Lead").as_deref(), Ok("50"));
    assert_eq!(image_of("owner", HubSpot, "ana@example.com", "contacts").as_deref(), Ok("1"));
    assert_eq!(image_of("owner", HubSpot, "ana@example.com", "Lead").as_deref(), Ok("005A"));
}

//! One kind of finding a test, over metadata of a few fields.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::config::{Overrides, read_project};
use crate::schema::{FieldInfo, ObjectInfo, PicklistValue, User, UserType};

const PROJECT: &str = r#"
name = "Test"
period = "2026-Q3"
lifecycle = ["lead"]

[connections.hubspot]
kind = "hubspot"
access = "write"
account_id = "1"
token = { env = "H" }

[connections.salesforce]
kind = "salesforce"
url = "https://test.my.salesforce.com"
access = "write"
account_id = "00D5g000004XyzAEAS"
token = { env = "S" }

[inclusion]
rules = []

[handoff]
recycle_statuses = ["Recycled"]
"#;

/// Everything that a create of a lead needs, and one field more.
const HEAD: &str = r#"
[person]
hubspot = "contacts"
salesforce = ["Lead"]
create = { salesforce = "included", hubspot = "never" }

[person.fields.x]
hubspot = "x"
salesforce = { Lead = "X__c" }
"#;

fn field(object: &str, name: &str, vendor_type: &str) -> FieldInfo {
    FieldInfo {
        object: object.to_owned(),
        field: name.to_owned(),
        label: name.to_owned(),
        vendor_type: vendor_type.to_owned(),
        length_max: None,
        scale: None,
        is_required: false,
        is_createable: true,
        is_updateable: true,
        is_unique: false,
        is_calculated: false,
        is_restricted: false,
        is_custom: true,
        references: None,
        definition: None,
    }
}

fn side(account: &str, object: &str, fields: Vec<FieldInfo>) -> Side {
    let info = ObjectInfo {
        object: object.to_owned(),
        label: object.to_owned(),
        can_create: true,
        can_update: true,
        can_delete: true,
        definition: None,
    };
    Side {
        account: Account {
            id: account.to_owned(),
            name: String::new(),
            time_zone: "UTC".to_owned(),
            currency: None,
        },
        schema: Schema { objects: vec![info], fields, ..Schema::default() },
        asked: vec![object.to_owned()],
    }
}

/// Metadata without a fault, in which both ends of the field `x` have the given types.
fn metadata(hubspot: &str, salesforce: &str) -> Metadata {
    let key = FieldInfo { is_unique: true, ..field("contacts", "concord_key", "string") };
    let of_contacts = vec![
        key,
        field("contacts", "salesforce_record_id", "string"),
        field("contacts", "x", hubspot),
    ];
    let key = FieldInfo {
        is_unique: true,
        definition: Some(r#"{"externalId":true}"#.to_owned()),
        ..field("Lead", "Concord_Key__c", "string")
    };
    let of_leads =
        vec![key, field("Lead", "HubSpot_Id__c", "string"), field("Lead", "X__c", salesforce)];
    let mut metadata = Metadata {
        hubspot: Some(side("1", "contacts", of_contacts)),
        salesforce: Some(side("00D5g000004XyzAEAS", "Lead", of_leads)),
    };
    list(&mut metadata, CrmKind::HubSpot, "contacts", "lifecyclestage", &["lead"]);
    list(&mut metadata, CrmKind::Salesforce, "Lead", "Status", &["Recycled"]);
    metadata
}

fn of(metadata: &mut Metadata, kind: CrmKind) -> &mut Side {
    let side = match kind {
        CrmKind::HubSpot => &mut metadata.hubspot,
        CrmKind::Salesforce => &mut metadata.salesforce,
    };
    side.as_mut().expect("both sides are there")
}

fn info<'a>(metadata: &'a mut Metadata, kind: CrmKind, name: &str) -> &'a mut FieldInfo {
    let fields = &mut of(metadata, kind).schema.fields;
    fields.iter_mut().find(|info| info.field == name).expect("the field is there")
}

fn list(metadata: &mut Metadata, kind: CrmKind, object: &str, name: &str, values: &[&str]) {
    let rows = values.iter().map(|value| PicklistValue {
        object: object.to_owned(),
        field: name.to_owned(),
        value: (*value).to_owned(),
        label: (*value).to_owned(),
        is_active: true,
        sort_order: 0,
    });
    of(metadata, kind).schema.picklist_values.extend(rows);
}

fn found(project: &str, map: &str, metadata: &Metadata) -> Vec<Finding> {
    let project = read_project(Path::new("."), project, Some(map), &Overrides::default())
        .unwrap_or_else(|error| panic!("{error}"));
    judge(&project, metadata, &BTreeSet::new())
}

/// Judges `x` with the given options and lists what was found.
fn codes(options: &str, metadata: &Metadata) -> Vec<(Severity, &'static str)> {
    let found = found(PROJECT, &format!("{HEAD}{options}"), metadata);
    found.iter().map(|finding| (finding.severity, finding.code)).collect()
}

use CrmKind::{HubSpot, Salesforce};
use Severity::{Error, Note, Warning};

const TEXT: &str = "type = \"text\"\nowner = \"hubspot\"\n";
const PICKLIST: &str = "type = \"picklist\"\nowner = \"hubspot\"\n";

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    assert_eq!(codes(TEXT, &metadata("string", "string")), []);
}

#[test]
fn a_missing_object_is_found() {
    let mut metadata = metadata("string", "string");
    of(&mut metadata, Salesforce).schema.objects.clear();
    assert_eq!(codes(TEXT, &metadata), [(Error, "object_missing")]);
}

#[test]
fn a_missing_field_is_found_with_the_nearest_name_and_its_place() {
    let mut metadata = metadata("string", "string");
    "X_c".clone_into(&mut info(&mut metadata, Salesforce, "X__c").field);
    let found = found(PROJECT, &format!("{HEAD}{TEXT}"), &metadata);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].code, found[0].place.line), ("field_missing", Some(7)));
    assert_eq!(found[0].place.name, "person.x");
    assert!(found[0].sentence.ends_with("`Lead.X__c`"), "{}", found[0].sentence);
    assert!(found[0].todo.starts_with("did you mean `X_c`?"), "{}", found[0].todo);
}

#[test]
fn a_field_that_cannot_be_written_is_found_only_where_the_map_writes_it() {
    let mut metadata = metadata("string", "string");
    info(&mut metadata, HubSpot, "x").is_updateable = false;
    assert_eq!(codes(TEXT, &metadata), []);
    info(&mut metadata, Salesforce, "X__c").is_updateable = false;
    assert_eq!(codes(TEXT, &metadata), [(Error, "not_writable")]);
    info(&mut metadata, Salesforce, "X__c").is_calculated = true;
    assert_eq!(codes(TEXT, &metadata), [(Error, "calculated")]);
    let compared = "type = \"text\"\nowner = \"compare\"\n";
    assert_eq!(codes(compared, &metadata), []);
}

#[test]
fn a_missing_right_weighs_less_while_nothing_is_written() {
    let mut metadata = metadata("string", "string");
    of(&mut metadata, Salesforce).schema.objects[0].can_create = false;
    assert_eq!(codes(TEXT, &metadata), [(Error, "no_right")]);
    let reading = PROJECT.replace("access = \"write\"", "access = \"read\"");
    let found = found(&reading, &format!("{HEAD}{TEXT}"), &metadata);
    let codes: Vec<_> = found.iter().map(|finding| (finding.severity, finding.code)).collect();
    assert_eq!(codes, [(Warning, "no_right"), (Note, "read_only"), (Note, "read_only")]);
}

#[test]
fn types_that_do_not_meet_are_found() {
    let mismatch = |weight| vec![(weight, "type_mismatch")];
    let table: [(&str, &str, &str, &str, Vec<_>); 14] = [
        ("number\"\nscale = 0", "hubspot", "number", "string", mismatch(Warning)),
        ("number\"\nscale = 0", "hubspot", "string", "double", mismatch(Warning)),
        ("text", "hubspot", "string", "double", mismatch(Error)),
        ("text", "hubspot", "number", "string", mismatch(Warning)),
        ("text", "hubspot", "string", "picklist", mismatch(Error)),
        ("text", "hubspot", "enumeration", "string", vec![]),
        ("picklist", "hubspot", "enumeration", "multipicklist", mismatch(Error)),
        ("picklist", "hubspot", "enumeration", "string", vec![]),
        ("picklist", "salesforce", "enumeration", "string", mismatch(Warning)),
        ("multi_picklist", "hubspot", "enumeration", "picklist", mismatch(Error)),
        ("date", "hubspot", "datetime", "date", mismatch(Error)),
        ("date\"\nzone = \"UTC", "hubspot", "datetime", "date", vec![]),
        ("date\"\nzone = \"UTC", "salesforce", "datetime", "date", vec![]),
        ("datetime", "hubspot", "datetime", "date", mismatch(Error)),
    ];
    for (field_type, owner, hubspot, salesforce, expected) in table {
        let mut options = format!("type = \"{field_type}\"\nowner = \"{owner}\"\n");
        if !field_type.ends_with("UTC") && field_type.contains('\n') {
            options = format!("type = \"number\"\nscale = 0\nowner = \"{owner}\"\n");
        }
        // What a create carries is not the point here.
        let map = format!("{HEAD}{options}").replace("\"included\"", "\"never\"");
        let found = found(PROJECT, &map, &metadata(hubspot, salesforce));
        let codes: Vec<_> = found.iter().map(|f| (f.severity, f.code)).collect();
        assert_eq!(codes, expected, "{field_type} {hubspot} {salesforce}");
    }
}

#[test]
fn a_value_too_long_is_held_back_or_cut() {
    let mut metadata = metadata("string", "string");
    info(&mut metadata, Salesforce, "X__c").length_max = Some(40);
    assert_eq!(codes(TEXT, &metadata), [(Note, "length")]);
    info(&mut metadata, HubSpot, "x").length_max = Some(40);
    assert_eq!(codes(TEXT, &metadata), []);
}

#[test]
fn digits_that_a_field_does_not_keep_are_found() {
    let mut metadata = metadata("number", "double");
    info(&mut metadata, Salesforce, "X__c").scale = Some(0);
    let options = "type = \"number\"\nowner = \"hubspot\"\n";
    assert_eq!(codes(options, &metadata), [(Warning, "digits_lost")]);
    assert_eq!(codes(&format!("{options}scale = 0\n"), &metadata), []);
    let both = "type = \"number\"\nowner = \"two_way\"\ntie = \"hubspot\"\nbecause = { hubspot = \"a\", salesforce = \"b\" }\n";
    assert_eq!(codes(both, &metadata), [(Error, "digits_lost")]);
}

fn picklists(hubspot: &[&str], salesforce: &[&str]) -> Metadata {
    let mut metadata = metadata("enumeration", "picklist");
    info(&mut metadata, HubSpot, "x").is_restricted = true;
    info(&mut metadata, Salesforce, "X__c").is_restricted = true;
    list(&mut metadata, HubSpot, "contacts", "x", hubspot);
    list(&mut metadata, Salesforce, "Lead", "X__c", salesforce);
    metadata
}

#[test]
fn mapped_values_that_a_side_does_not_know_are_found() {
    let metadata = picklists(&["a"], &["A"]);
    assert_eq!(codes(&format!("{PICKLIST}values = {{ a = \"A\" }}\n"), &metadata), []);
    let wrong = format!("{PICKLIST}values = {{ a = \"B\" }}\n");
    assert_eq!(codes(&wrong, &metadata), [(Error, "value_unknown")]);
    // The side that is only read may hold what its list does not have.
    let wrong = format!("{PICKLIST}values = {{ a = \"A\", b = \"A\" }}\n");
    assert_eq!(codes(&wrong, &metadata), [(Warning, "value_unknown"), (Note, "many_to_one")]);
}

#[test]
fn retired_values_are_found_where_they_would_be_written() {
    let mut metadata = picklists(&["a"], &["A"]);
    let values = &mut of(&mut metadata, Salesforce).schema.picklist_values;
    values.iter_mut().filter(|v| v.value == "A").for_each(|v| v.is_active = false);
    let options = format!("{PICKLIST}values = {{ a = \"A\" }}\n");
    assert_eq!(codes(&options, &metadata), [(Warning, "value_retired")]);
}

#[test]
fn values_without_a_counterpart_are_found() {
    let options = format!("{PICKLIST}values = {{ a = \"A\" }}\n");
    assert_eq!(codes(&options, &picklists(&["a", "b"], &["A"])), [(Warning, "value_unmapped")]);
}

#[test]
fn values_of_one_side_only_are_found_and_what_would_be_stored_silently() {
    let mut metadata = picklists(&["a", "b"], &["a"]);
    assert_eq!(codes(PICKLIST, &metadata), [(Warning, "value_one_sided")]);
    info(&mut metadata, Salesforce, "X__c").is_restricted = false;
    let found = found(PROJECT, &format!("{HEAD}{PICKLIST}"), &metadata);
    assert!(found[0].sentence.contains("store without a word"), "{}", found[0].sentence);
    assert_eq!(codes(PICKLIST, &picklists(&["a"], &["A"])), [(Error, "value_one_sided")]);
}

#[test]
fn a_dependent_list_and_record_types_are_noted() {
    let mut metadata = picklists(&["a"], &["a"]);
    info(&mut metadata, Salesforce, "X__c").definition =
        Some(r#"{"dependentPicklist":true,"controllerName":"Region__c"}"#.to_owned());
    of(&mut metadata, Salesforce).schema.objects[0].definition = Some(
        r#"{"recordTypeInfos":[{"name":"Master","master":true,"active":true},{"name":"Partner","master":false,"active":true}]}"#
            .to_owned(),
    );
    assert_eq!(codes(PICKLIST, &metadata), [(Note, "record_types"), (Note, "dependent_picklist")]);
}

#[test]
fn countries_are_compared_with_a_list_of_them() {
    let mut metadata = metadata("string", "picklist");
    list(&mut metadata, Salesforce, "Lead", "X__c", &["Germany"]);
    let options = "type = \"country\"\nowner = \"hubspot\"\n";
    assert_eq!(codes(options, &metadata), [(Warning, "country_listed")]);
}

#[test]
fn a_key_must_be_there_unique_and_an_external_id() {
    let mut metadata = metadata("string", "string");
    let key = info(&mut metadata, Salesforce, "Concord_Key__c");
    (key.is_unique, key.definition, key.length_max) = (false, None, Some(10));
    assert_eq!(
        codes(TEXT, &metadata),
        [(Error, "key_not_unique"), (Error, "key_no_external_id"), (Error, "too_narrow")]
    );
    of(&mut metadata, Salesforce).schema.fields.retain(|info| info.field != "Concord_Key__c");
    assert_eq!(codes(TEXT, &metadata), [(Error, "key_missing")]);
}

#[test]
fn a_link_must_be_there_and_writable_and_may_repeat() {
    let mut metadata = metadata("string", "string");
    let link = info(&mut metadata, Salesforce, "HubSpot_Id__c");
    (link.is_updateable, link.is_unique) = (false, true);
    assert_eq!(codes(TEXT, &metadata), [(Error, "link_not_writable"), (Warning, "link_unique")]);
    of(&mut metadata, HubSpot).schema.fields.retain(|info| info.field != "salesforce_record_id");
    let codes = codes(TEXT, &metadata);
    assert!(codes.contains(&(Warning, "link_missing")), "{codes:?}");
}

#[test]
fn a_required_field_needs_a_source() {
    let mut metadata = metadata("string", "string");
    let company = FieldInfo { is_required: true, ..field("Lead", "Company", "string") };
    of(&mut metadata, Salesforce).schema.fields.push(company);
    assert_eq!(codes(TEXT, &metadata), [(Error, "required_without_source")]);
    info(&mut metadata, Salesforce, "Company").is_required = false;
    info(&mut metadata, Salesforce, "X__c").is_required = true;
    assert_eq!(codes(TEXT, &metadata), [(Note, "required_may_be_blank")]);
    assert_eq!(codes(&format!("{TEXT}create_default = \"?\"\n"), &metadata), []);
}

#[test]
fn a_default_must_be_taken() {
    let options = format!("{PICKLIST}values = {{ a = \"A\" }}\ncreate_default = \"B\"\n");
    assert_eq!(codes(&options, &picklists(&["a"], &["A"])), [(Error, "default_not_listed")]);
    let mut metadata = metadata("string", "string");
    info(&mut metadata, Salesforce, "X__c").length_max = Some(1);
    info(&mut metadata, HubSpot, "x").length_max = Some(1);
    let options = format!("{TEXT}create_default = \"two\"\n");
    assert_eq!(codes(&options, &metadata), [(Error, "default_too_long")]);
    let map = format!("{HEAD}{TEXT}create_default = \"t\"\n").replace("\"included\"", "\"never\"");
    assert_eq!(found(PROJECT, &map, &metadata)[0].code, "default_unused");
}

fn user(id: &str, email: Option<&str>, user_type: UserType, is_active: bool) -> User {
    User {
        user_id: id.to_owned(),
        email: email.map(str::to_owned),
        name: String::new(),
        user_type,
        is_active,
        definition: None,
    }
}

#[test]
fn owners_without_a_counterpart_are_found() {
    let mut metadata = metadata("enumeration", "reference");
    info(&mut metadata, HubSpot, "x").references = Some("OWNER".to_owned());
    info(&mut metadata, Salesforce, "X__c").references = Some("User;Group".to_owned());
    let options = "type = \"owner\"\nowner = \"hubspot\"\n";
    let person = UserType::Person;
    of(&mut metadata, HubSpot).schema.users = vec![
        user("1", Some("a@x.com"), person, true),
        user("2", Some("b@x.com"), person, true),
        user("3", Some("c@x.com"), person, true),
        user("4", Some("d@x.com"), person, false),
        user("5", None, UserType::Queue, true),
    ];
    of(&mut metadata, Salesforce).schema.users = vec![
        user("005A", Some("A@x.com"), person, true),
        user("005B", Some("b@x.com"), person, false),
    ];
    let found = found(PROJECT, &format!("{HEAD}{options}"), &metadata);
    let shown: Vec<_> = found.iter().map(|f| (f.code, f.sentence.rsplit(' ').next())).collect();
    assert_eq!(
        shown,
        [
            ("owner_unmapped", Some("`3`")),
            ("owner_inactive", Some("`2`")),
            ("owner_queue", Some("`5`"))
        ]
    );
}

#[test]
fn statuses_and_stages_must_exist() {
    let project = PROJECT.replace("Recycled", "Recycled2").replace("[\"lead\"]", "[\"leed\"]");
    let found = found(&project, &format!("{HEAD}{TEXT}"), &metadata("string", "string"));
    let codes: Vec<_> = found.iter().map(|f| (f.severity, f.code)).collect();
    assert_eq!(
        codes,
        [(Error, "stage_unknown"), (Error, "status_unknown"), (Note, "stage_outside")]
    );
    assert_eq!(found[1].todo, "did you mean `Recycled`?");
}

#[test]
fn a_claim_needs_its_model() {
    let project = format!(
        "{PROJECT}\n[metrics.mql]\nlabel = \"MQLs\"\n[metrics.mql.claims.a]\nlabel = \"A\"\nmodel = \"claim_a\"\ntime_zone = \"UTC\"\n[metrics.mql.claims.b]\nlabel = \"B\"\nmodel = \"claim_b\"\ntime_zone = \"UTC\"\n"
    );
    let map = format!("{HEAD}{TEXT}");
    let project = read_project(Path::new("."), &project, Some(&map), &Overrides::default())
        .unwrap_or_else(|error| panic!("{error}"));
    let models = BTreeSet::from(["claim_a".to_owned()]);
    let found = judge(&project, &metadata("string", "string"), &models);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].place.name, "metrics.mql.claims.b.model");
}

#[test]
fn accounts_and_connections_are_proven() {
    let map = format!("{HEAD}{TEXT}");
    let mut metadata = metadata("string", "string");
    "2".clone_into(&mut of(&mut metadata, HubSpot).account.id);
    assert_eq!(codes(TEXT, &metadata), [(Error, "other_account")]);
    metadata.hubspot = None;
    assert_eq!(found(PROJECT, &map, &metadata)[0].code, "no_connection");
    let mut metadata = self::metadata("string", "string");
    of(&mut metadata, HubSpot).asked.push("deals".to_owned());
    assert_eq!(codes(TEXT, &metadata), [(Error, "object_missing")]);
}

#[test]
fn the_native_connector_is_noted() {
    let mut metadata = metadata("string", "string");
    let stamp = field("contacts", "salesforcelastsynctime", "datetime");
    of(&mut metadata, HubSpot).schema.fields.push(stamp);
    assert_eq!(codes(TEXT, &metadata), [(Note, "native_connector")]);
    let taken = format!("{PROJECT}\n[native_connector]\ntaken_over = [\"person\"]\n");
    assert_eq!(found(&taken, &format!("{HEAD}{TEXT}"), &metadata), []);
}

#[test]
fn a_currency_field_that_is_not_there_is_found() {
    let mut metadata = metadata("number", "currency");
    let options = "type = \"currency\"\nscale = 2\nowner = \"hubspot\"\n\
        currency = { hubspot = \"deal_currency_code\", salesforce = \"USD\" }\n";
    assert_eq!(codes(options, &metadata), [(Error, "currency_field")]);
    let code = field("contacts", "deal_currency_code", "enumeration");
    of(&mut metadata, HubSpot).schema.fields.push(code);
    assert_eq!(codes(options, &metadata), []);
}

#[test]
fn a_model_that_should_own_a_field_and_is_not_there_is_found() {
    let metadata = metadata("string", "string");
    let options = "type = \"text\"\nowner = \"warehouse\"\n\
        from = { model = \"scores\", column = \"score\" }\n";
    assert_eq!(codes(options, &metadata), [(Error, "model_missing")]);
}

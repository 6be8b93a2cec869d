//! The JSON Schema of the files that people write, for their editors.
//!
//! Chosen: written here by hand, word lists taken from the types. Instead of: derived from the types.
//! Because: the types hold what the files mean, not how they are written, and the readers are walks
//! over TOML. A test compares these keys with those that the readers ask for.
//!
//! Left out on purpose: what takes two places to judge, such as a `two_way` without its `because`.
//! The readers say that, with the line.

use serde_json::{Map, Value, json};

use super::{EntityName, FieldType, Owner, PercentForm, SourceFormat, WriteMode, WriteRoute};
use crate::crm::Way;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Names that may stand in SQL, SOQL and paths.
const NAME: &str = "^[A-Za-z][A-Za-z0-9_]*$";

/// A year, quarter, month or ISO week.
const PERIOD: &str = "^[0-9]{4}(-(Q[1-4]|W[0-9]{2}|[0-9]{2}))?$";

/// Returns the schema of `concord.toml`.
pub fn project_schema() -> Value {
    let mut schema = table(
        "Concord's project file",
        &["name", "period", "connections", "inclusion"],
        vec![
            ("name", text("The company or project, as reports name it")),
            (
                "period",
                pattern(
                    PERIOD,
                    "Reporting period where a command names none: 2026, 2026-Q3, 2026-08 or 2026-W31",
                ),
            ),
            (
                "phone_region",
                pattern(
                    "^[A-Z]{2}$",
                    "Country by which a phone number without a country code is read [default: US]",
                ),
            ),
            ("lifecycle", texts("HubSpot's lifecycle stage values, earliest first")),
            ("warehouse", warehouse()),
            ("connections", table_of("CRM accounts by name", connection())),
            ("pull", pull()),
            ("apply", apply()),
            ("guardrails", guardrails()),
            (
                "budget",
                table_of(
                    "What a run may spend of a connection's daily allowance, by connection",
                    budget(),
                ),
            ),
            ("retry", retry()),
            ("inclusion", inclusion()),
            (
                "handoff",
                table(
                    "What ends a handoff",
                    &[],
                    vec![(
                        "recycle_statuses",
                        texts("Salesforce lead statuses that hand a person back to marketing"),
                    )],
                ),
            ),
            (
                "native_connector",
                table(
                    "HubSpot's own Salesforce connector",
                    &[],
                    vec![(
                        "taken_over",
                        texts(
                            "Entities (person) or fields (person.phone) that were switched off in it",
                        ),
                    )],
                ),
            ),
            (
                "sources",
                table_of(
                    "Files from elsewhere, by the name under which models read them",
                    table(
                        "A file, or a directory of files",
                        &["url"],
                        vec![
                            (
                                "url",
                                text("Path or s3://, gs://, az:// address; a directory ends in /"),
                            ),
                            (
                                "format",
                                words(
                                    &SourceFormat::ALL.map(SourceFormat::as_str),
                                    "How they are written [default: by the ending]",
                                ),
                            ),
                        ],
                    ),
                ),
            ),
            ("metrics", table_of("Numbers that two teams report differently, by name", metric())),
            ("alerts", alerts()),
        ],
    );
    head(&mut schema, "concord.schema.json", "concord.toml");
    schema
}

/// Returns the schema of `field_map.toml`.
pub fn field_map_schema() -> Value {
    let sign_off = table(
        "A person's agreement to one version of the map",
        &["name", "date", "digest"],
        vec![
            ("name", text("Who signed")),
            ("date", pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "When: 2026-10-01")),
            (
                "digest",
                pattern(
                    "^[0-9a-f]{8,64}$",
                    "What `concord config show` printed then, or its first 8 characters",
                ),
            ),
        ],
    );
    let mut keys: Vec<(&str, Value)> =
        EntityName::ALL.map(|name| (name.as_str(), entity(name))).to_vec();
    keys.push(("sign_offs", list_of("Who agreed to the map", sign_off)));
    let mut schema = table("The page that both teams sign", &[], keys);
    head(&mut schema, "field_map.schema.json", "field_map.toml");
    schema
}

fn head(schema: &mut Value, id: &str, title: &str) {
    if let Value::Object(keys) = schema {
        keys.insert("$schema".to_owned(), json!(DIALECT));
        keys.insert("$id".to_owned(), json!(id));
        keys.insert("title".to_owned(), json!(title));
    }
}

fn warehouse() -> Value {
    let setting = any(
        "A text, a number, a flag, or where a secret lies",
        vec![json!({ "type": ["string", "boolean"] }), secret("")],
    );
    table(
        "Where snapshots, state, builds, plans and runs are kept",
        &[],
        vec![
            (
                "url",
                text(
                    "A directory, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix [default: file://./warehouse]",
                ),
            ),
            (
                "lease_seconds",
                whole(2, "In a cloud, how long a writer's turn lasts when it is not renewed"),
            ),
            (
                "settings",
                table_of(
                    "What opens the store, by the names of the cloud's own variables without their prefix",
                    setting,
                ),
            ),
        ],
    )
}

fn connection() -> Value {
    let secret_of = |description: &str| secret(description);
    let mut schema = table(
        "One CRM account",
        &["kind"],
        vec![
            ("kind", words(&["hubspot", "salesforce"], "The vendor")),
            (
                "url",
                pattern("^https?://", "Scheme and host; Salesforce needs your org's own address"),
            ),
            (
                "access",
                words(&["read", "write"], "Nothing is written before it is write [default: read]"),
            ),
            ("account_id", text("Portal id or 18-character org id; access = write needs it")),
            ("api_version", text("HubSpot 2026-09, Salesforce 67.0")),
            ("token", secret_of("A service key, private app token, or session made elsewhere")),
            ("client_id", secret_of("Of an OAuth app")),
            ("client_secret", secret_of("Of an OAuth app")),
            ("refresh_token", secret_of("OAuth refresh token")),
            ("private_key", secret_of("PEM of an unencrypted RSA key, for the JWT bearer flow")),
            ("username", text("User to work as, for the JWT bearer flow")),
            ("audience", pattern("^https?://", "Login server that the assertion is meant for")),
        ],
    );
    if let Value::Object(keys) = &mut schema {
        keys.insert(
            "if".to_owned(),
            json!({ "properties": { "kind": { "const": "salesforce" } } }),
        );
        keys.insert("then".to_owned(), json!({ "required": ["url"] }));
    }
    schema
}

/// Where a secret lies; never the secret itself.
fn secret(description: &str) -> Value {
    let mut schema = table(
        description,
        &[],
        vec![
            ("env", pattern("^[A-Z0-9_]+$", "Name of an environment variable")),
            ("file", text("Path of a file")),
            ("command", texts("Program and arguments that print it")),
        ],
    );
    if let Value::Object(keys) = &mut schema {
        keys.insert("minProperties".to_owned(), json!(1));
        keys.insert("maxProperties".to_owned(), json!(1));
    }
    schema
}

fn pull() -> Value {
    let ways = Way::ALL.map(Way::as_str);
    table(
        "How snapshots are taken",
        &[],
        vec![
            ("parallel", whole(1, "Walks through vendor pages at the same time [default: 4]")),
            (
                "min_rows_share",
                share(
                    "A pull with a smaller share of the last snapshot's rows has failed [default: 0.5]",
                ),
            ),
            ("hubspot_objects", names("HubSpot objects beyond those that the stages need")),
            ("salesforce_objects", names("Salesforce objects beyond those that the stages need")),
            ("ways", table_of("How an object is read, whatever it costs", words(&ways, ""))),
            (
                "incremental",
                flag(
                    "Lay what changed over the last snapshot where that is cheaper [default: false]",
                ),
            ),
            ("full_after_days", whole(1, "Read everything again at least so often [default: 7]")),
            (
                "continue_within_hours",
                whole(0, "A broken pull is gone on with for so long [default: 12]"),
            ),
        ],
    )
}

fn apply() -> Value {
    let routes = WriteRoute::WORDS.map(|(word, _)| word);
    table(
        "When and how a plan is carried out",
        &[],
        vec![
            (
                "mode",
                words(&["auto", "review"], "auto applies inside the guardrails [default: review]"),
            ),
            ("max_age_hours", whole(1, "A plan older than this is refused [default: 24]")),
            ("reread", flag("Look again at each record just before writing it [default: true]")),
            ("route", words(&routes, "By which of a CRM's APIs [default: cheapest]")),
        ],
    )
}

fn guardrails() -> Value {
    table(
        "Shares of an object's live records past which a plan waits for an explicit flag",
        &[],
        vec![
            ("updates_share_max", share("[default: 0.2]")),
            ("creates_share_max", share("[default: 0.1]")),
            ("clears_share_max", share("[default: 0.02]")),
            ("deletes_share_max", share("[default: 0.02]")),
            ("floor", whole(0, "Up to this many records no share is too large [default: 50]")),
        ],
    )
}

fn budget() -> Value {
    table(
        "One connection's",
        &[],
        vec![
            (
                "calls_per_run_max",
                whole(1, "Most calls of one run [default: only the reserve limits it]"),
            ),
            ("reserve_share", share("Share of the daily allowance left for others [default: 0.5]")),
        ],
    )
}

fn retry() -> Value {
    table(
        "How long a run stays with a CRM that is busy or out of reach",
        &[],
        vec![
            ("tries_max", whole(1, "Most times that one call is sent [default: 6]")),
            ("first_wait_ms", whole(1, "Doubled for each further try [default: 500]")),
            ("longest_wait_ms", whole(1, "[default: 60000]")),
            (
                "longest_job_wait_ms",
                whole(1, "Between two questions about a job [default: 300000]"),
            ),
        ],
    )
}

fn inclusion() -> Value {
    let rule = |has_reason: bool| {
        let mut keys = vec![
            ("name", pattern(NAME, "Short name, unlike the others'")),
            ("sql", text("Condition over staged columns; null counts as false")),
            ("sentence", text("Why a person for whom it fails is not included")),
        ];
        if has_reason {
            keys.push((
                "reason",
                text("Reason code where the bridge asks why somebody never arrived: T1"),
            ));
        }
        table("One condition", &["name", "sql", "sentence"], keys)
    };
    table(
        "Who may cross: everyone for whom all rules of that way hold",
        &["rules"],
        vec![
            (
                "leave_after_days",
                whole(0, "Days that a person may fail the rules before creates stop [default: 30]"),
            ),
            ("rules", list_of("From HubSpot to Salesforce", rule(true))),
            ("to_hubspot", list_of("From Salesforce to HubSpot", rule(false))),
        ],
    )
}

fn metric() -> Value {
    let mut reported = table_of("What the dashboard shows, by period", whole(0, ""));
    if let Value::Object(keys) = &mut reported {
        keys.insert("propertyNames".to_owned(), json!({ "pattern": PERIOD }));
    }
    let claim = table(
        "One team's way of counting",
        &["label", "model", "time_zone"],
        vec![
            ("label", text("As a reader should see it")),
            ("model", pattern(NAME, "Model whose rows are the records counted")),
            (
                "time_zone",
                text("IANA name of the zone in which the dashboard draws the edges of a period"),
            ),
            ("reported", reported),
        ],
    );
    let mut claims = table_of("By team; the bridge leads from one to another", claim);
    if let Value::Object(keys) = &mut claims {
        keys.insert("minProperties".to_owned(), json!(2));
    }
    table(
        "One number",
        &["label", "claims"],
        vec![("label", text("As a reader should see it: MQLs")), ("claims", claims)],
    )
}

fn alerts() -> Value {
    table(
        "Whom to tell when a run fails, drifts or never happens",
        &[],
        vec![
            ("webhook", secret("Address that receives one JSON object an alert")),
            ("command", texts("Program and arguments; the alert arrives on its standard input")),
            (
                "stale_after_hours",
                whole(1, "Without a finished run for so long a project is stale [default: 30]"),
            ),
        ],
    )
}

fn entity(name: EntityName) -> Value {
    let objects = name.salesforce_objects();
    let policies: &[&str] = match name {
        EntityName::Person => &["never", "included"],
        EntityName::Company | EntityName::Deal => &["never"],
    };
    let pair = |description: &str| {
        table(
            description,
            &[],
            vec![
                ("hubspot", pattern(NAME, "HubSpot property")),
                ("salesforce", pattern(NAME, "Salesforce field")),
            ],
        )
    };
    let object_list = json!({
        "description": "Salesforce objects that hold its records",
        "type": "array",
        "minItems": 1,
        "items": words(objects, ""),
    });
    table(
        name.as_str(),
        &["hubspot", "salesforce", "fields"],
        vec![
            ("hubspot", words(&[name.hubspot_object()], "HubSpot object")),
            ("salesforce", object_list),
            (
                "create",
                table(
                    "Who gets created where",
                    &[],
                    vec![
                        (
                            "salesforce",
                            words(policies, "never, or whom the inclusion rules let across"),
                        ),
                        (
                            "hubspot",
                            words(
                                policies,
                                "never, or whom the inclusion rules of that way let across",
                            ),
                        ),
                        ("as_object", words(objects, "Salesforce object that a create makes")),
                    ],
                ),
            ),
            (
                "associations",
                table(
                    "Links that are kept alike",
                    &[],
                    vec![(
                        "company",
                        words(
                            &["salesforce"],
                            "The account's company becomes the primary one in HubSpot",
                        ),
                    )],
                ),
            ),
            ("key", pair("Unique fields that carry the key of a create")),
            ("link", pair("Fields that hold the other side's record id; not unique")),
            ("fields", table_of("Fields that both CRMs keep", field(objects))),
        ],
    )
}

fn field(objects: &[&str]) -> Value {
    let sides = ["hubspot", "salesforce"];
    let salesforce: Vec<(&str, Value)> =
        objects.iter().map(|&object| (object, pattern(NAME, "Salesforce field"))).collect();
    let mut salesforce = table("Salesforce field by object", &[], salesforce);
    if let Value::Object(keys) = &mut salesforce {
        keys.insert("minProperties".to_owned(), json!(1));
    }
    table(
        "One field",
        &["type", "hubspot", "salesforce", "owner"],
        vec![
            ("type", words(&FieldType::ALL.map(FieldType::as_str), "What makes two values equal")),
            ("hubspot", pattern(NAME, "HubSpot property")),
            ("salesforce", salesforce),
            ("owner", words(&Owner::ALL.map(Owner::as_str), "Which side may change it")),
            ("tie", words(&sides, "Of two_way: who wins when both changed")),
            (
                "because",
                table(
                    "Of two_way: the workflow on each side that needs to write",
                    &[],
                    vec![
                        ("hubspot", text("Who changes it in HubSpot, and why")),
                        ("salesforce", text("Who changes it in Salesforce, and why")),
                    ],
                ),
            ),
            (
                "write",
                words(
                    &WriteMode::ALL.map(WriteMode::as_str),
                    "When the owner's value is written [default: always]",
                ),
            ),
            ("clear", flag("A blank in the owner erases the other side [default: false]")),
            (
                "truncate",
                flag("A text too long is cut; otherwise it is held back [default: false]"),
            ),
            ("blank_is_false", flag("Null and false are the same value [default: false]")),
            (
                "values",
                any(
                    "HubSpot value = Salesforce value; by_label: values of one label are one",
                    vec![table_of("", text("")), words(&["by_label"], "")],
                ),
            ),
            ("scale", whole(0, "Digits after the point at which two numbers count as equal")),
            ("zone", text("IANA zone in which an instant becomes a day")),
            ("create_default", text("What a new record in Salesforce gets where HubSpot is blank")),
            (
                "currency",
                any(
                    "Of an amount: its currency, or where each side says it",
                    vec![
                        pattern("^[A-Z]{3}$", "ISO 4217 code"),
                        table(
                            "",
                            &["hubspot", "salesforce"],
                            vec![
                                ("hubspot", pattern(NAME, "Code, or the property that holds it")),
                                ("salesforce", pattern(NAME, "Code, or the field that holds it")),
                            ],
                        ),
                    ],
                ),
            ),
            (
                "hubspot_keeps",
                words(
                    &PercentForm::ALL.map(PercentForm::as_str),
                    "Of a percentage: fraction where 25 percent is 0.25",
                ),
            ),
            (
                "fallback",
                table(
                    "Of an owner: who stands in for somebody who is not there",
                    &[],
                    vec![
                        ("hubspot", text("E-mail address, id or name in HubSpot")),
                        ("salesforce", text("E-mail address, id or queue in Salesforce")),
                    ],
                ),
            ),
            (
                "from",
                table(
                    "Of warehouse: the model column that owns the field",
                    &["model", "column"],
                    vec![
                        ("model", pattern(NAME, "Model with one row per golden_id")),
                        ("column", pattern(NAME, "Its column")),
                    ],
                ),
            ),
            (
                "restrictive",
                flag("Of consent: the answer that wins over every other [default: true]"),
            ),
        ],
    )
}

fn described(description: &str, mut schema: Value) -> Value {
    if let (false, Value::Object(keys)) = (description.is_empty(), &mut schema) {
        keys.insert("description".to_owned(), json!(description));
    }
    schema
}

/// A table with known keys and no others.
fn table(description: &str, required: &[&str], keys: Vec<(&str, Value)>) -> Value {
    let properties: Map<String, Value> =
        keys.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect();
    let mut schema =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let (false, Value::Object(keys)) = (required.is_empty(), &mut schema) {
        keys.insert("required".to_owned(), json!(required));
    }
    described(description, schema)
}

/// A table whose keys are names that the project gives.
fn table_of(description: &str, value: Value) -> Value {
    described(description, object([("type", json!("object")), ("additionalProperties", value)]))
}

fn list_of(description: &str, item: Value) -> Value {
    described(description, object([("type", json!("array")), ("items", item)]))
}

fn any(description: &str, schemas: Vec<Value>) -> Value {
    described(description, object([("anyOf", Value::Array(schemas))]))
}

fn object<const N: usize>(keys: [(&str, Value); N]) -> Value {
    Value::Object(keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn text(description: &str) -> Value {
    described(description, json!({ "type": "string", "minLength": 1 }))
}

fn texts(description: &str) -> Value {
    list_of(description, text(""))
}

fn names(description: &str) -> Value {
    list_of(description, pattern(NAME, ""))
}

fn pattern(pattern: &str, description: &str) -> Value {
    described(description, json!({ "type": "string", "pattern": pattern }))
}

fn words(words: &[&str], description: &str) -> Value {
    described(description, json!({ "enum": words }))
}

fn flag(description: &str) -> Value {
    described(description, json!({ "type": "boolean" }))
}

fn whole(minimum: i64, description: &str) -> Value {
    described(description, json!({ "type": "integer", "minimum": minimum }))
}

fn share(description: &str) -> Value {
    described(description, json!({ "type": "number", "minimum": 0, "maximum": 1 }))
}

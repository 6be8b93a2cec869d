//! Reads `concord.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::crm::{CrmKind, Way};
use crate::warehouse::{Address, LEASE_TIME, StoreKind};

use super::reader::{Node, Reader, Table, suggestion};
use super::{
    Access, Alerts, Apply, Budget, Claim, Connection, CreatePolicy, Credentials, Entity,
    EntityName, ExtraSource, FieldMap, Guardrails, Handoff, Inclusion, InclusionRule, Metric, Mode,
    NativeConnector, Project, Pull, Retry, SourceFormat, StoreSetting, WarehouseSettings,
    WriteRoute,
};

/// Reads a whole project file; `None` once any problem was noted.
///
/// `field_map` has been read before and is carried into the project.
pub(super) fn read(
    root: Table<'_, '_>,
    dir: &Path,
    field_map: Option<FieldMap>,
) -> Option<Project> {
    let name = root.read("name", Reader::text);
    let period = root.read("period", Reader::period);
    let phone_region = root.or("phone_region", "US".to_owned(), region);
    let lifecycle = root.or("lifecycle", default_lifecycle(), Reader::texts);
    let warehouse = root.section("warehouse").and_then(|table| warehouse(table, dir));
    let connections = root.section("connections").and_then(|table| connections(&table));
    let pull = root.section("pull").and_then(pull);
    let apply = root.section("apply").and_then(apply);
    let guardrails = root.section("guardrails").and_then(guardrails);
    let budget = root.section("budget").and_then(|table| budgets(&table, connections.as_ref()));
    let retry = root.section("retry").and_then(retry);
    let inclusion =
        root.section("inclusion").and_then(|table| inclusion(table, field_map.as_ref()));
    let handoff = root.section("handoff").and_then(handoff);
    let native_connector = root
        .section("native_connector")
        .and_then(|table| native_connector(table, field_map.as_ref()));
    let sources = root.section("sources").and_then(|table| sources(&table, dir));
    let metrics = root.section("metrics").and_then(|table| metrics(&table));
    let alerts = root.section("alerts").and_then(alerts);
    root.finish();
    Some(Project {
        dir: dir.to_owned(),
        name: name?,
        warehouse: warehouse?,
        connections: connections?,
        pull: pull?,
        apply: apply?,
        guardrails: guardrails?,
        budget: budget?,
        retry: retry?,
        inclusion: inclusion?,
        handoff: handoff?,
        native_connector: native_connector?,
        sources: sources?,
        lifecycle: lifecycle?,
        metrics: metrics?,
        period: period?,
        phone_region: phone_region?,
        alerts: alerts?,
        field_map: field_map?,
        settings: Vec::new(),
    })
}

/// HubSpot's own default stages, earliest first.
fn default_lifecycle() -> Vec<String> {
    [
        "subscriber",
        "lead",
        "marketingqualifiedlead",
        "salesqualifiedlead",
        "opportunity",
        "customer",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn region(reader: &Reader<'_>, node: &Node<'_>) -> Option<String> {
    let text = reader.text(node)?;
    if text.len() != 2 || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        let hint = "write the two capitals of ISO 3166, such as `US` or `DE`".to_owned();
        reader.refuse(node, format!("not a country: `{text}`"), Some(hint));
        return None;
    }
    Some(text)
}

fn warehouse(table: Table<'_, '_>, dir: &Path) -> Option<WarehouseSettings> {
    let address = |reader: &Reader<'_>, node: &Node<'_>| {
        let text = reader.text(node)?;
        match Address::parse(&text, dir) {
            Ok(address) => Some((text, address.kind())),
            Err(error) => {
                let hint = error.hint();
                reader.refuse(node, error.to_string(), hint);
                None
            }
        }
    };
    let default = ("file://./warehouse".to_owned(), StoreKind::Files);
    let url = table.or("url", default, address);
    let lease_seconds = table.or("lease_seconds", LEASE_TIME.as_secs(), |reader, node| {
        reader.whole(node, LEASE_SECONDS_MIN)
    });
    let settings = table.section("settings").and_then(|settings| {
        let kind = url.as_ref().map(|(_, kind)| *kind);
        let nodes = settings.entries();
        collect(nodes.into_iter().map(|node| store_setting(&settings, node, kind)))
    });
    table.finish();
    Some(WarehouseSettings { url: url?.0, settings: settings?, lease_seconds: lease_seconds? })
}

/// A renewal each quarter of it must be possible over a slow network.
const LEASE_SECONDS_MIN: i64 = 2;

/// Reads one setting of the warehouse's store: a text, a number or a flag, and of a secret where it
/// lies.
fn store_setting(
    table: &Table<'_, '_>,
    node: Node<'_>,
    kind: Option<StoreKind>,
) -> Option<(String, StoreSetting)> {
    let reader = table.reader;
    if kind == Some(StoreKind::Files) {
        let message = format!("a directory has no settings: `{}`", node.key);
        reader.problem(&table.key_span(&node.key), &table.name, message, None);
        return None;
    }
    if kind.is_some_and(|kind| !kind.knows(&node.key)) {
        let message = format!("the warehouse's store has no such setting: `{}`", node.key);
        let hint = "settings have the names of the cloud's own variables, without `AWS_`, `GOOGLE_` or `AZURE_`: `region`, `endpoint`, `account_name`";
        reader.problem(&table.key_span(&node.key), &table.name, message, Some(hint.to_owned()));
        return None;
    }
    let setting = if StoreKind::is_secret(&node.key) || node.value.as_table().is_some() {
        StoreSetting::Secret(reader.secret(&node)?)
    } else if let Some(flag) = node.value.as_bool() {
        StoreSetting::Plain(flag.to_string())
    } else {
        StoreSetting::Plain(reader.text(&node)?)
    };
    Some((node.key, setting))
}

fn connections(table: &Table<'_, '_>) -> Option<BTreeMap<String, Connection>> {
    let nodes = table.entries();
    if nodes.is_empty() {
        let hint = "a project needs `[connections.hubspot]` and `[connections.salesforce]`";
        table.problem("no connection is configured", Some(hint.to_owned()));
        return None;
    }
    named(table, nodes, connection)
}

fn connection(table: Table<'_, '_>, name: &str) -> Option<Connection> {
    const KINDS: [(&str, CrmKind); 2] =
        [("hubspot", CrmKind::HubSpot), ("salesforce", CrmKind::Salesforce)];
    const ACCESS: [(&str, Access); 2] = [("read", Access::Read), ("write", Access::Write)];
    let kind = table.read("kind", |reader, node| reader.word(node, "connection kind", &KINDS));
    let url = match kind {
        // Every portal answers at one address; every org has its own.
        Some(CrmKind::HubSpot) => {
            table.or("url", "https://api.hubapi.com".to_owned(), Reader::base_url)
        }
        Some(CrmKind::Salesforce) => table.read("url", Reader::base_url),
        // The kind is the mistake; the address may be right.
        None => table.get("url").and_then(|node| table.reader.base_url(&node)),
    };
    let access =
        table.or("access", Access::Read, |reader, node| reader.word(node, "access", &ACCESS));
    let account_node = table.get("account_id");
    let account_id = match &account_node {
        Some(node) => account_id(table.reader, node, kind?).map(Some),
        None => Some(None),
    };
    if access == Some(Access::Write) && account_node.is_none() {
        let hint = "pin the portal id or org id, so that a wrong token cannot write elsewhere";
        table.problem("`access = \"write\"` needs `account_id`", Some(hint.to_owned()));
        return None;
    }
    let api_version = match kind {
        Some(kind) => {
            table.or("api_version", default_api_version(kind), |r, n| api_version(r, n, kind))
        }
        None => table.or("api_version", String::new(), Reader::text),
    };
    let credentials = credentials(&table, kind, url.as_deref());
    table.finish();
    Some(Connection {
        name: name.to_owned(),
        kind: kind?,
        url: url?,
        access: access?,
        account_id: account_id?,
        api_version: api_version?,
        credentials: credentials?,
    })
}

/// Versions that the connectors were written against (vendor pages read in November 2026).
fn default_api_version(kind: CrmKind) -> String {
    match kind {
        CrmKind::HubSpot => "2026-09".to_owned(),
        CrmKind::Salesforce => "67.0".to_owned(),
    }
}

fn api_version(reader: &Reader<'_>, node: &Node<'_>, kind: CrmKind) -> Option<String> {
    let text = reader.text(node)?;
    let is_digits = |part: &str, n_max: usize| {
        (1..=n_max).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (is_valid, hint) = match kind {
        CrmKind::HubSpot => (
            text.split_once('-')
                .is_some_and(|(year, month)| is_digits(year, 4) && is_digits(month, 2)),
            "HubSpot's versions are dates: `2026-09`",
        ),
        CrmKind::Salesforce => (
            text.strip_suffix(".0").is_some_and(|number| is_digits(number, 3)),
            "Salesforce's versions look like `67.0`",
        ),
    };
    if !is_valid {
        reader.refuse(node, format!("not an API version: `{text}`"), Some(hint.to_owned()));
    }
    is_valid.then_some(text)
}

fn account_id(reader: &Reader<'_>, node: &Node<'_>, kind: CrmKind) -> Option<String> {
    let text = reader.text(node)?;
    let (is_valid, hint) = match kind {
        CrmKind::HubSpot => (
            text.bytes().all(|byte| byte.is_ascii_digit()),
            "a portal id is a number, written as text: `\"4471923\"`",
        ),
        CrmKind::Salesforce => (
            text.len() == 18
                && text.starts_with("00D")
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "an org id has 18 characters and starts with `00D`",
        ),
    };
    if !is_valid {
        reader.refuse(node, format!("not an account id: `{text}`"), Some(hint.to_owned()));
    }
    is_valid.then_some(text)
}

/// Reads one of the ways to prove who we are; which one follows from the keys that are there.
fn credentials(
    table: &Table<'_, '_>,
    kind: Option<CrmKind>,
    url: Option<&str>,
) -> Option<Credentials> {
    let reader = table.reader;
    let [token, client_id, client_secret, refresh_token, private_key, username, audience] = [
        "token",
        "client_id",
        "client_secret",
        "refresh_token",
        "private_key",
        "username",
        "audience",
    ]
    .map(|key| table.get(key));
    let secret = |node: &Node<'_>| reader.secret(node);
    let optional = |node: Option<Node<'_>>| node.map(|node| secret(&node));
    let jwt = (private_key, username, audience);
    // Without a kind nobody can say which credentials belong here.
    match (kind?, token, client_id, client_secret, refresh_token, jwt) {
        (_, Some(token), None, None, None, (None, None, None)) => {
            secret(&token).map(Credentials::Token)
        }
        (CrmKind::Salesforce, None, Some(id), Some(own), None, (None, None, None)) => {
            let (client_id, client_secret) = (secret(&id), secret(&own));
            Some(Credentials::ClientCredentials {
                client_id: client_id?,
                client_secret: client_secret?,
            })
        }
        (kind, None, Some(id), own, Some(refresh), (None, None, None))
            if own.is_some() || kind == CrmKind::Salesforce =>
        {
            let (client_id, own, refresh) = (secret(&id), optional(own), secret(&refresh));
            Some(Credentials::RefreshToken {
                client_id: client_id?,
                client_secret: own.map_or(Some(None), |own| own.map(Some))?,
                refresh_token: refresh?,
            })
        }
        (
            CrmKind::Salesforce,
            None,
            Some(id),
            None,
            None,
            (Some(private_key), Some(username), audience),
        ) => {
            let (client_id, private_key) = (secret(&id), secret(&private_key));
            let audience = match audience {
                Some(node) => reader.base_url(&node),
                None => url.map(|url| login_server(url).to_owned()),
            };
            Some(Credentials::JwtBearer {
                client_id: client_id?,
                username: reader.text(&username)?,
                private_key: private_key?,
                audience: audience?,
            })
        }
        (CrmKind::HubSpot, ..) => {
            let hint =
                "a private app or service key has a token: `token = { env = \"HUBSPOT_TOKEN\" }`";
            table.problem(
                "expected `token` alone, or `client_id`, `client_secret` and `refresh_token`",
                Some(hint.to_owned()),
            );
            None
        }
        (CrmKind::Salesforce, ..) => {
            let hint = "an External Client App has both: `client_id = { env = \"SALESFORCE_CLIENT_ID\" }`, `client_secret = { env = \"SALESFORCE_CLIENT_SECRET\" }`";
            table.problem(
                "expected `client_id` with `client_secret`, `refresh_token`, or `username` and `private_key`; or `token` alone",
                Some(hint.to_owned()),
            );
            None
        }
    }
}

/// Names the server that an org's users log in at: sandboxes have their own.
fn login_server(url: &str) -> &'static str {
    if url.contains(".sandbox.") {
        "https://test.salesforce.com"
    } else {
        "https://login.salesforce.com"
    }
}

fn pull(table: Table<'_, '_>) -> Option<Pull> {
    let parallel = table.or("parallel", 4, |reader, node| reader.whole(node, 1));
    let min_rows_share = table.or("min_rows_share", 0.5, Reader::share);
    let names =
        |reader: &Reader<'_>, node: &Node<'_>| reader.list(node, "a list of names", Reader::name);
    let hubspot_objects = table.or("hubspot_objects", Vec::new(), names);
    let salesforce_objects = table.or("salesforce_objects", Vec::new(), names);
    let ways = table.section("ways").and_then(|table| ways(&table));
    let incremental = table.or("incremental", false, Reader::flag);
    let full_after_days = table.or("full_after_days", 7, |reader, node| reader.whole(node, 1));
    let continue_within_hours =
        table.or("continue_within_hours", 12, |reader, node| reader.whole(node, 0));
    table.finish();
    Some(Pull {
        parallel: parallel?,
        min_rows_share: min_rows_share?,
        ways: ways?,
        incremental: incremental?,
        full_after_days: full_after_days?,
        continue_within_hours: continue_within_hours?,
        hubspot_objects: hubspot_objects?,
        salesforce_objects: salesforce_objects?,
    })
}

/// Reads ways by object: `contacts = "export"`.
fn ways(table: &Table<'_, '_>) -> Option<BTreeMap<String, Way>> {
    let words = Way::ALL.map(|way| (way.as_str(), way));
    collect(table.entries().into_iter().map(|node| {
        let way = table.reader.word(&node, "way", &words)?;
        Some((node.key, way))
    }))
}

fn apply(table: Table<'_, '_>) -> Option<Apply> {
    const MODES: [(&str, Mode); 2] = [("auto", Mode::Auto), ("review", Mode::Review)];
    let mode = table.or("mode", Mode::Review, |reader, node| reader.word(node, "mode", &MODES));
    let max_age_hours = table.or("max_age_hours", 24, |reader, node| reader.whole(node, 1));
    let reread = table.or("reread", true, Reader::flag);
    let route = table.or("route", WriteRoute::Cheapest, |reader, node| {
        reader.word(node, "route", &WriteRoute::WORDS)
    });
    table.finish();
    Some(Apply { mode: mode?, max_age_hours: max_age_hours?, reread: reread?, route: route? })
}

fn guardrails(table: Table<'_, '_>) -> Option<Guardrails> {
    let updates_share_max = table.or("updates_share_max", 0.2, Reader::share);
    let creates_share_max = table.or("creates_share_max", 0.1, Reader::share);
    let clears_share_max = table.or("clears_share_max", 0.02, Reader::share);
    let deletes_share_max = table.or("deletes_share_max", 0.02, Reader::share);
    let floor = table.or("floor", 50, |reader, node| reader.whole(node, 0));
    table.finish();
    Some(Guardrails {
        updates_share_max: updates_share_max?,
        creates_share_max: creates_share_max?,
        clears_share_max: clears_share_max?,
        deletes_share_max: deletes_share_max?,
        floor: floor?,
    })
}

/// Reads the budgets and gives every connection without one the default.
fn budgets(
    table: &Table<'_, '_>,
    connections: Option<&BTreeMap<String, Connection>>,
) -> Option<BTreeMap<String, Budget>> {
    let nodes = table.entries();
    let mut is_known = true;
    if let Some(connections) = connections {
        let known: Vec<&str> = connections.keys().map(String::as_str).collect();
        for node in nodes.iter().filter(|node| !known.contains(&node.key.as_str())) {
            let message = format!("no such connection: `{}`", node.key);
            let span = table.key_span(&node.key);
            table.reader.problem(&span, &table.name, message, suggestion(&node.key, &known));
            is_known = false;
        }
    }
    let mut budgets = named(table, nodes, |table, _| {
        let calls_per_run_max =
            table.or("calls_per_run_max", None, |reader, node| reader.whole(node, 1).map(Some));
        let reserve_share = table.or("reserve_share", DEFAULT_RESERVE_SHARE, Reader::share);
        table.finish();
        Some(Budget { calls_per_run_max: calls_per_run_max?, reserve_share: reserve_share? })
    })?;
    for name in connections.into_iter().flatten().map(|(name, _)| name) {
        budgets
            .entry(name.clone())
            .or_insert(Budget { calls_per_run_max: None, reserve_share: DEFAULT_RESERVE_SHARE });
    }
    is_known.then_some(budgets)
}

/// Half of the day's calls stay for everyone else who talks to the CRM.
const DEFAULT_RESERVE_SHARE: f64 = 0.5;

fn retry(table: Table<'_, '_>) -> Option<Retry> {
    let tries_max = table.or("tries_max", 6, |reader, node| reader.whole(node, 1));
    let first_wait_ms = table.or("first_wait_ms", 500, |reader, node| reader.whole(node, 1));
    let longest_wait_ms = table.or("longest_wait_ms", 60_000, |reader, node| reader.whole(node, 1));
    let longest_job_wait_ms =
        table.or("longest_job_wait_ms", 300_000, |reader, node| reader.whole(node, 1));
    table.finish();
    Some(Retry {
        tries_max: tries_max?,
        first_wait_ms: first_wait_ms?,
        longest_wait_ms: longest_wait_ms?,
        longest_job_wait_ms: longest_job_wait_ms?,
    })
}

fn inclusion(table: Table<'_, '_>, map: Option<&FieldMap>) -> Option<Inclusion> {
    let leave_after_days = table.or("leave_after_days", 30, |reader, node| reader.whole(node, 0));
    let rules = table.read("rules", |reader, node| {
        reader.list(node, "a list of rules", |reader, node| inclusion_rule(reader, node, true))
    });
    let to_hubspot = table.or("to_hubspot", Vec::new(), |reader, node| {
        reader.list(node, "a list of rules", |reader, node| inclusion_rule(reader, node, false))
    });
    let creates_in_hubspot = map
        .and_then(|map| map.entity(EntityName::Person))
        .is_some_and(|person| person.create.hubspot == CreatePolicy::Included);
    if creates_in_hubspot && to_hubspot.as_ref().is_some_and(Vec::is_empty) {
        let hint = "add `[[inclusion.to_hubspot]]`, or write `hubspot = \"never\"` under `create` in the field map";
        table.problem("no rule decides who is created in HubSpot", Some(hint.to_owned()));
        return None;
    }
    table.finish();
    Some(Inclusion { rules: rules?, leave_after_days: leave_after_days?, to_hubspot: to_hubspot? })
}

/// Reads one rule. A reason code is about people who never arrive in Salesforce.
fn inclusion_rule(reader: &Reader<'_>, node: &Node<'_>, has_reason: bool) -> Option<InclusionRule> {
    let section = if has_reason { "rules" } else { "to_hubspot" };
    let table = reader.table(node, format!("inclusion.{section}"))?;
    let name = table.read("name", Reader::name);
    let sql = table.read("sql", condition);
    let sentence = table.read("sentence", Reader::text);
    let reason = if has_reason {
        table.or("reason", None, |reader, node| reader.text(node).map(Some))
    } else {
        Some(None)
    };
    table.finish();
    Some(InclusionRule { name: name?, sql: sql?, sentence: sentence?, reason: reason? })
}

/// Reads one SQL expression, and nothing after it.
fn condition(reader: &Reader<'_>, node: &Node<'_>) -> Option<String> {
    let text = reader.text(node)?;
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(&text).and_then(|mut parser| {
        parser.parse_expr()?;
        parser.expect_token(&Token::EOF)
    });
    if let Err(error) = parsed {
        let hint = "write one condition over staged columns, such as `lead_score >= 50`".to_owned();
        reader.refuse(node, format!("not a condition in SQL: {error}"), Some(hint));
        return None;
    }
    Some(text)
}

fn handoff(table: Table<'_, '_>) -> Option<Handoff> {
    let recycle_statuses = table.or("recycle_statuses", Vec::new(), Reader::texts);
    table.finish();
    Some(Handoff { recycle_statuses: recycle_statuses? })
}

/// Reads what was taken over from the native connector: entities and fields that the map knows.
fn native_connector(table: Table<'_, '_>, map: Option<&FieldMap>) -> Option<NativeConnector> {
    let known: Vec<String> = map.map(taken_over_names).unwrap_or_default();
    let name = |reader: &Reader<'_>, node: &Node<'_>| {
        let name = reader.text(node)?;
        if map.is_some() && !known.contains(&name) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let hint = suggestion(&name, &known)
                .unwrap_or_else(|| "write `person`, or `person.phone`".to_owned());
            reader.refuse(node, format!("no such entity or field: `{name}`"), Some(hint));
            return None;
        }
        Some(name)
    };
    let names = |reader: &Reader<'_>, node: &Node<'_>| reader.list(node, "a list of fields", name);
    let taken_over = table.or("taken_over", Vec::new(), names);
    table.finish();
    Some(NativeConnector { taken_over: taken_over? })
}

fn taken_over_names(map: &FieldMap) -> Vec<String> {
    let names = |entity: &Entity| {
        let fields = entity.fields.iter().map(|field| format!("{}.{}", entity.name, field.name));
        std::iter::once(entity.name.to_string()).chain(fields).collect::<Vec<_>>()
    };
    map.entities.iter().flat_map(names).collect()
}

/// Reads files from elsewhere, each under the name by which models read it.
fn sources(table: &Table<'_, '_>, dir: &Path) -> Option<BTreeMap<String, ExtraSource>> {
    named(table, table.entries(), |table, _| {
        let url = table.read("url", |reader, node| {
            let url = reader.text(node)?;
            if Address::parse(&url, dir).is_err() {
                let shown = if url.contains('@') { "…" } else { &url };
                let hint = "write a path, `s3://bucket/…`, `gs://bucket/…` or `az://container/…`";
                reader.refuse(node, format!("not an address: `{shown}`"), Some(hint.to_owned()));
                return None;
            }
            Some(url)
        });
        let words = SourceFormat::ALL.map(|format| (format.as_str(), format));
        let given =
            table.or("format", None, |reader, node| reader.word(node, "format", &words).map(Some));
        let by_ending = |url: &str| {
            let has = |format: &SourceFormat| format.endings().iter().any(|end| url.ends_with(end));
            SourceFormat::ALL.into_iter().find(has)
        };
        let format = given?.or_else(|| by_ending(url.as_deref()?));
        if format.is_none() && url.is_some() {
            let hint = "add `format = \"csv\"`, `\"json\"` or `\"parquet\"`".to_owned();
            table.problem("does not say how its files are written: `format`", Some(hint));
        }
        table.finish();
        Some(ExtraSource { url: url?, format: format? })
    })
}

fn metrics(table: &Table<'_, '_>) -> Option<BTreeMap<String, Metric>> {
    named(table, table.entries(), |table, _| {
        let label = table.read("label", Reader::text);
        let claims = table.section("claims").and_then(|claims| {
            let nodes = claims.entries();
            if nodes.len() < 2 {
                let hint = "a bridge leads from one team's claim to another's".to_owned();
                claims.problem("a metric needs two claims", Some(hint));
                return None;
            }
            named(&claims, nodes, claim)
        });
        table.finish();
        Some(Metric { label: label?, claims: claims? })
    })
}

fn claim(table: Table<'_, '_>, _name: &str) -> Option<Claim> {
    let label = table.read("label", Reader::text);
    let model = table.read("model", Reader::name);
    let time_zone = table.read("time_zone", Reader::zone);
    let reported = table.section("reported").and_then(|reported| {
        let read = |node: Node<'_>| {
            let is_period = reported.reader.check_period(&node, &node.key);
            let number = reported.reader.whole(&node, 0);
            Some((is_period.then_some(node.key)?, number?))
        };
        collect(reported.entries().into_iter().map(read))
    });
    table.finish();
    Some(Claim { label: label?, model: model?, time_zone: time_zone?, reported: reported? })
}

fn alerts(table: Table<'_, '_>) -> Option<Alerts> {
    let webhook = table.or("webhook", None, |reader, node| reader.secret(node).map(Some));
    let command = table.or("command", None, |reader, node| reader.command(node).map(Some));
    let stale_after_hours = table.or("stale_after_hours", 30, |reader, node| reader.whole(node, 1));
    table.finish();
    Some(Alerts { webhook: webhook?, command: command?, stale_after_hours: stale_after_hours? })
}

/// Reads a table whose keys are names that the project gives.
fn named<'r, 'a, T>(
    table: &Table<'r, 'a>,
    nodes: Vec<Node<'a>>,
    read: impl Fn(Table<'r, 'a>, &str) -> Option<T>,
) -> Option<BTreeMap<String, T>> {
    collect(nodes.into_iter().map(|node| {
        if !super::values::is_name(&node.key) {
            let message = format!("not a name: `{}`", node.key);
            let hint = "names are letters, digits and underscores, a letter first".to_owned();
            table.reader.problem(&table.key_span(&node.key), &table.name, message, Some(hint));
            return None;
        }
        let inner = table.reader.table(&node, table.child_name(&node.key))?;
        let value = read(inner, &node.key)?;
        Some((node.key, value))
    }))
}

/// Collects after reading every item, so that each one's mistakes are noted.
fn collect<K: Ord, T>(items: impl Iterator<Item = Option<(K, T)>>) -> Option<BTreeMap<K, T>> {
    items.collect::<Vec<_>>().into_iter().collect()
}

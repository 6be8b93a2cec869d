//! Writes the first `field_map.toml`.

use std::fmt::Write;

use crate::check::{Metadata, Shape, shape};
use crate::config::{EntityName, FieldType, Owner, SidePair, WriteMode};
use crate::crm::CrmKind;
use crate::schema::{FieldInfo, Schema};

use super::pairs::{PAIRS, Pair};
use super::values::{Matched, active, match_values, plain};

/// Names or labels at least so alike are proposed as one field.
const ALIKE_MIN: f64 = 0.93;

/// Values of a list that a comment shows.
const VALUES_SHOWN_MAX: usize = 30;

/// A field as it will be written.
struct Proposal {
    name: String,
    field_type: FieldType,
    hubspot: String,
    salesforce: Vec<(String, String)>,
    owner: Owner,
    write: WriteMode,
    create_default: Option<String>,
    scale: Option<i64>,
    zone: Option<String>,
    values: Option<Matched>,
    why: String,
}

/// Drafts a field map; without metadata, from the fields that every account has.
pub fn draft(metadata: &Metadata) -> String {
    let schemas = match (&metadata.hubspot, &metadata.salesforce) {
        (Some(hubspot), Some(salesforce)) => Some((&hubspot.schema, &salesforce.schema)),
        _ => None,
    };
    let zone = metadata.hubspot.as_ref().map_or("UTC", |side| side.account.time_zone.as_str());
    let mut text = HEAD.to_owned();
    for entity in EntityName::ALL {
        let (proposals, left) = match schemas {
            Some(schemas) => proposals(entity, schemas, zone),
            None => (standard(entity), Vec::new()),
        };
        if proposals.is_empty() {
            continue;
        }
        write_entity(&mut text, entity, schemas.map(|(_, salesforce)| salesforce), &proposals);
        for proposal in &proposals {
            write_field(&mut text, entity, proposal, &currency(metadata, entity, proposal));
        }
        write_left(&mut text, &left);
    }
    text
}

/// Says where each side keeps the code of its amounts; a side without one has the portal's currency.
fn currency(metadata: &Metadata, entity: EntityName, proposal: &Proposal) -> String {
    let account = metadata.hubspot.as_ref().and_then(|side| side.account.currency.as_deref());
    let own = account.unwrap_or("USD");
    let has = |kind: CrmKind, object: &str, field: &str| {
        metadata.schema(kind).is_some_and(|schema| schema.field(object, field).is_some())
    };
    let hubspot = if has(CrmKind::HubSpot, entity.hubspot_object(), "deal_currency_code") {
        "deal_currency_code"
    } else {
        own
    };
    let is_multiple = !proposal.salesforce.is_empty()
        && proposal
            .salesforce
            .iter()
            .all(|(object, _)| has(CrmKind::Salesforce, object, "CurrencyIsoCode"));
    let salesforce = if is_multiple { "CurrencyIsoCode" } else { own };
    if hubspot == salesforce {
        format!("\"{own}\"")
    } else {
        format!("{{ hubspot = \"{hubspot}\", salesforce = \"{salesforce}\" }}")
    }
}

/// Proposals for an entity, and lists that have too little in common.
fn proposals(
    entity: EntityName,
    (hubspot, salesforce): (&Schema, &Schema),
    zone: &str,
) -> (Vec<Proposal>, Vec<Proposal>) {
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    let mut used: Vec<String> = own_fields();
    let known = PAIRS.iter().filter(|pair| pair.entity == entity);
    let known = known.filter_map(|pair| seen(pair, hubspot, salesforce, zone));
    for proposal in known {
        used.push(proposal.hubspot.clone());
        used.extend(proposal.salesforce.iter().map(|(_, name)| name.clone()));
        place(proposal, &mut taken, &mut left);
    }
    for proposal in alike(entity, (hubspot, salesforce), &used, zone) {
        if taken.iter().chain(&left).all(|known: &Proposal| known.name != proposal.name) {
            place(proposal, &mut taken, &mut left);
        }
    }
    (taken, left)
}

/// A list of which most values have no counterpart would hold back most records; one that is only
/// compared holds back none.
fn place(proposal: Proposal, taken: &mut Vec<Proposal>, left: &mut Vec<Proposal>) {
    let is_list = matches!(proposal.field_type, FieldType::Picklist | FieldType::MultiPicklist);
    let is_matched = proposal.values.as_ref().is_some_and(|values| {
        let is_most = values.pairs.len() >= values.only_hubspot.len();
        !values.pairs.is_empty() && (is_most || proposal.owner == Owner::Compare)
    });
    if is_list && !is_matched { left.push(proposal) } else { taken.push(proposal) }
}

fn own_fields() -> Vec<String> {
    let pairs = [SidePair::key(), SidePair::link()];
    pairs.into_iter().flat_map(|pair| [pair.hubspot, pair.salesforce]).collect()
}

/// The standard fields as they are, for accounts that nobody has looked at.
fn standard(entity: EntityName) -> Vec<Proposal> {
    let is_plain = |pair: &&Pair| {
        let is_custom = pair.salesforce.iter().any(|(_, name)| name.ends_with("__c"));
        pair.entity == entity && pair.field_type != FieldType::Picklist && !is_custom
    };
    let proposal = |pair: &Pair| {
        let salesforce = pair.salesforce.iter();
        let scale = match pair.field_type {
            FieldType::Number => Some(0),
            FieldType::Currency => Some(if pair.name == "amount" { 2 } else { 0 }),
            _ => None,
        };
        let zone = (pair.field_type == FieldType::Date).then(|| "UTC".to_owned());
        Proposal {
            scale,
            zone,
            ..of_pair(pair, salesforce.map(|(o, n)| ((*o).to_owned(), (*n).to_owned())).collect())
        }
    };
    // Few portals have a second number from the start.
    PAIRS.iter().filter(is_plain).filter(|pair| pair.name != "mobile_phone").map(proposal).collect()
}

fn of_pair(pair: &Pair, salesforce: Vec<(String, String)>) -> Proposal {
    Proposal {
        name: pair.name.to_owned(),
        field_type: pair.field_type,
        hubspot: pair.hubspot.to_owned(),
        salesforce,
        owner: pair.owner,
        write: pair.write,
        create_default: pair.create_default.map(str::to_owned),
        scale: None,
        zone: None,
        values: None,
        why: pair.why.to_owned(),
    }
}

/// Proposes a standard pair where both CRMs show it.
fn seen(pair: &Pair, hubspot: &Schema, salesforce: &Schema, zone: &str) -> Option<Proposal> {
    let object = pair.entity.hubspot_object();
    let source = hubspot.field(object, pair.hubspot)?;
    let there =
        pair.salesforce.iter().filter(|(object, name)| salesforce.field(object, name).is_some());
    let there: Vec<(String, String)> =
        there.map(|(object, name)| ((*object).to_owned(), (*name).to_owned())).collect();
    let mut proposal = of_pair(pair, there);
    fit(&mut proposal, source, hubspot, salesforce, zone).then_some(proposal)
}

/// Fills in what follows from both ends, drops objects whose field does not meet the type, and turns
/// the owner where a side cannot be written; false where nothing is left.
fn fit(
    proposal: &mut Proposal,
    source: &FieldInfo,
    hubspot: &Schema,
    salesforce: &Schema,
    zone: &str,
) -> bool {
    let from = shape(CrmKind::HubSpot, source);
    let wanted = proposal.field_type;
    proposal.salesforce.retain(|(object, name)| {
        salesforce.field(object, name).is_some_and(|info| {
            meeting(from, shape(CrmKind::Salesforce, info), wanted, proposal.owner)
        })
    });
    let ends: Vec<&FieldInfo> = proposal
        .salesforce
        .iter()
        .filter_map(|(object, name)| salesforce.field(object, name))
        .collect();
    if ends.is_empty() {
        return false;
    }
    let is_written_there = ends.iter().all(|info| info.is_updateable && info.is_createable);
    match proposal.owner {
        Owner::Hubspot | Owner::Handoff if !is_written_there => proposal.owner = Owner::Compare,
        Owner::Salesforce | Owner::Handoff if !source.is_updateable => {
            proposal.owner = if is_written_there { Owner::Hubspot } else { Owner::Compare };
        }
        _ => {}
    }
    if matches!(wanted, FieldType::Number | FieldType::Currency) {
        proposal.scale = Some(ends.iter().filter_map(|info| info.scale).min().unwrap_or(0));
    }
    let is_instant = |s: Shape| s == Shape::Datetime;
    if wanted == FieldType::Date {
        let any_instant = is_instant(from)
            || ends.iter().any(|info| is_instant(shape(CrmKind::Salesforce, info)));
        proposal.zone = any_instant.then(|| zone.to_owned());
    }
    if matches!(wanted, FieldType::Picklist | FieldType::MultiPicklist) {
        let ours = active(hubspot, &source.object, &source.field);
        let mut theirs = match proposal.salesforce.first() {
            Some((object, name)) => active(salesforce, object, name),
            None => Vec::new(),
        };
        // A value must be taken by every object that the map writes.
        for (object, name) in proposal.salesforce.iter().skip(1) {
            let others = active(salesforce, object, name);
            theirs.retain(|value| others.iter().any(|other| other.value == value.value));
        }
        proposal.values = Some(match_values(&ours, &theirs));
    }
    true
}

/// Says whether both ends can hold a type, as `check` would judge it.
fn meeting(hubspot: Shape, salesforce: Shape, field_type: FieldType, owner: Owner) -> bool {
    use Shape as S;
    let is = |shape: Shape| hubspot == shape && salesforce == shape;
    match field_type {
        FieldType::Text if owner == Owner::Compare => {
            matches!(hubspot, S::Text | S::Single) && matches!(salesforce, S::Text | S::Single)
        }
        FieldType::Text | FieldType::Email | FieldType::Phone => is(S::Text),
        FieldType::Country => hubspot == S::Text && matches!(salesforce, S::Text | S::Single),
        FieldType::Picklist => is(S::Single),
        FieldType::MultiPicklist => is(S::Multi),
        FieldType::Bool | FieldType::Consent => is(S::Bool),
        FieldType::Number | FieldType::Currency | FieldType::Percent => is(S::Number),
        FieldType::Date => match (hubspot, salesforce) {
            (S::Date, S::Date) => true,
            (S::Datetime, S::Date) => matches!(owner, Owner::Hubspot | Owner::Compare),
            _ => false,
        },
        FieldType::Datetime => is(S::Datetime),
        FieldType::Owner => is(S::User),
        FieldType::Reference => false,
    }
}

/// Proposes further fields whose names or labels are alike, best first, each end once.
fn alike(
    entity: EntityName,
    (hubspot, salesforce): (&Schema, &Schema),
    used: &[String],
    zone: &str,
) -> Vec<Proposal> {
    let objects = entity.salesforce_objects();
    let Some(first) = objects.first() else { return Vec::new() };
    let mut candidates: Vec<(f64, &FieldInfo, &FieldInfo)> = Vec::new();
    let ours = hubspot.fields_of(entity.hubspot_object());
    for source in ours.filter(|info| !used.contains(&info.field) && !is_vendors_own(info)) {
        let theirs = salesforce.fields_of(first);
        for target in theirs.filter(|info| !used.contains(&info.field) && info.is_updateable) {
            let score = likeness(source, target);
            if score >= ALIKE_MIN {
                candidates.push((score, source, target));
            }
        }
    }
    candidates.sort_by(|left, right| {
        let names = |c: &(f64, &FieldInfo, &FieldInfo)| (c.1.field.clone(), c.2.field.clone());
        right.0.total_cmp(&left.0).then_with(|| names(left).cmp(&names(right)))
    });
    let (mut proposals, mut taken): (Vec<Proposal>, Vec<&str>) = (Vec::new(), Vec::new());
    for (_, source, target) in candidates {
        if taken.contains(&source.field.as_str()) || taken.contains(&target.field.as_str()) {
            continue;
        }
        let kinds = (shape(CrmKind::HubSpot, source), shape(CrmKind::Salesforce, target));
        let Some(field_type) = type_of(kinds) else { continue };
        let there =
            objects.iter().filter(|object| salesforce.field(object, &target.field).is_some());
        let mut proposal = Proposal {
            name: name_of(source),
            field_type,
            hubspot: source.field.clone(),
            salesforce: there.map(|object| ((*object).to_owned(), target.field.clone())).collect(),
            owner: if entity == EntityName::Person { Owner::Hubspot } else { Owner::Compare },
            write: WriteMode::Always,
            create_default: None,
            scale: None,
            zone: None,
            values: None,
            why: format!("named alike: `{}` and `{}`; say who owns it", source.label, target.label),
        };
        if fit(&mut proposal, source, hubspot, salesforce, zone) {
            taken.extend([source.field.as_str(), target.field.as_str()]);
            proposals.push(proposal);
        }
    }
    proposals.sort_by(|left, right| left.name.cmp(&right.name));
    proposals
}

/// Properties that HubSpot or its connector fills; few of them have a place in Salesforce.
fn is_vendors_own(info: &FieldInfo) -> bool {
    let is_own_name = info.field.starts_with("hs_") || info.field.starts_with("salesforce");
    is_own_name || matches!(info.field.as_str(), "createdate" | "lastmodifieddate")
}

fn likeness(source: &FieldInfo, target: &FieldInfo) -> f64 {
    let target_name = target.field.strip_suffix("__c").unwrap_or(&target.field);
    let names = [plain(&source.field), plain(&source.label)];
    let others = [plain(target_name), plain(&target.label)];
    let scores = names.iter().flat_map(|ours| {
        others.iter().map(move |theirs| {
            // A name that begins the other is one field more often than the letters say.
            let is_start = ours.len() >= 8
                && theirs.len() >= 8
                && (ours.starts_with(theirs.as_str()) || theirs.starts_with(ours.as_str()));
            if is_start { 0.97 } else { strsim::normalized_damerau_levenshtein(ours, theirs) }
        })
    });
    scores.fold(0.0, f64::max)
}

fn type_of(kinds: (Shape, Shape)) -> Option<FieldType> {
    use Shape as S;
    Some(match kinds {
        (S::Text, S::Text) => FieldType::Text,
        (S::Number, S::Number) => FieldType::Number,
        (S::Bool, S::Bool) => FieldType::Bool,
        (S::Date | S::Datetime, S::Date) => FieldType::Date,
        (S::Datetime, S::Datetime) => FieldType::Datetime,
        (S::Single, S::Single) => FieldType::Picklist,
        (S::Multi, S::Multi) => FieldType::MultiPicklist,
        _ => return None,
    })
}

/// Makes a name of the map out of HubSpot's.
fn name_of(source: &FieldInfo) -> String {
    let name: String = source.field.to_lowercase();
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("f_{name}") }
}

const HEAD: &str = "#:schema ./schemas/field_map.schema.json

# The field map: the one page that Marketing and Sales both sign. This is a draft: read every line,
# correct it, and take out what you do not want. Nothing is written while `access = \"read\"`.
#
# Every field has one owner:
#   hubspot, salesforce   that side's value is written to the other; edits there are overwritten
#   two_way               the side that changed since the two last agreed wins; `tie` settles a draw
#   handoff               HubSpot's before the handoff, Salesforce's after
#   compare               never written, only reported
#
# `concord check` judges it against both CRMs; `concord report field-map` makes a page to sign.
";

fn write_entity(
    text: &mut String,
    entity: EntityName,
    salesforce: Option<&Schema>,
    proposals: &[Proposal],
) {
    let seen = |object: &&&str| salesforce.is_none_or(|schema| schema.object(object).is_some());
    let objects: Vec<&str> = entity.salesforce_objects().iter().filter(seen).copied().collect();
    let list: Vec<String> = objects.iter().map(|object| quoted(object)).collect();
    put(text, format_args!("\n[{entity}]\n"));
    put(text, format_args!("hubspot = {}\n", quoted(entity.hubspot_object())));
    put(text, format_args!("salesforce = [{}]\n", list.join(", ")));
    let first = objects.first().copied().unwrap_or_default();
    let missing = match (entity, salesforce) {
        (EntityName::Person, Some(schema)) => without_source(schema, first, proposals),
        (EntityName::Person, None) => Vec::new(),
        _ => {
            put(text, format_args!("create = {{ salesforce = \"never\", hubspot = \"never\" }}\n"));
            return;
        }
    };
    if !missing.is_empty() {
        put(
            text,
            format_args!(
                "# `{first}` requires {}: map them, then write \"included\"\n",
                missing.join(", ")
            ),
        );
    }
    let policy = if missing.is_empty() { "included" } else { "never" };
    put(
        text,
        format_args!(
            "create = {{ salesforce = \"{policy}\", hubspot = \"never\", as_object = {} }}\n",
            quoted(first)
        ),
    );
    let (key, link) = (SidePair::key(), SidePair::link());
    for (name, pair) in [("key", key), ("link", link)] {
        put(
            text,
            format_args!(
                "{name} = {{ hubspot = {}, salesforce = {} }}\n",
                quoted(&pair.hubspot),
                quoted(&pair.salesforce)
            ),
        );
    }
}

/// Lists required fields of the object that a create makes which no proposal fills.
fn without_source<'a>(schema: &'a Schema, object: &'a str, proposals: &[Proposal]) -> Vec<&'a str> {
    let is_filled = |info: &FieldInfo| {
        proposals.iter().filter(|p| p.owner != Owner::Compare).any(|proposal| {
            proposal.salesforce.iter().any(|(o, name)| o == object && *name == info.field)
        })
    };
    let required = schema.fields_of(object).filter(|info| info.is_required && info.is_createable);
    required.filter(|info| !is_filled(info)).map(|info| info.field.as_str()).collect()
}

fn write_field(text: &mut String, entity: EntityName, proposal: &Proposal, currency: &str) {
    put(text, format_args!("\n# {}\n", comment(&proposal.why)));
    put(text, format_args!("[{entity}.fields.{}]\n", proposal.name));
    put(text, format_args!("type = \"{}\"\n", proposal.field_type.as_str()));
    if proposal.field_type == FieldType::Currency {
        put(text, format_args!("currency = {currency}\n"));
    }
    if let Some(scale) = proposal.scale {
        put(text, format_args!("scale = {scale}\n"));
    }
    if let Some(zone) = &proposal.zone {
        put(text, format_args!("zone = {}\n", quoted(zone)));
    }
    put(text, format_args!("hubspot = {}\n", quoted(&proposal.hubspot)));
    let ends: Vec<String> = proposal
        .salesforce
        .iter()
        .map(|(object, name)| format!("{object} = {}", quoted(name)))
        .collect();
    put(text, format_args!("salesforce = {{ {} }}\n", ends.join(", ")));
    put(text, format_args!("owner = \"{}\"\n", proposal.owner.as_str()));
    if proposal.write != WriteMode::Always {
        put(text, format_args!("write = \"{}\"\n", proposal.write.as_str()));
    }
    if proposal.field_type == FieldType::Bool {
        put(text, format_args!("blank_is_false = true\n"));
    }
    if let Some(default) = &proposal.create_default {
        put(text, format_args!("create_default = {}\n", quoted(default)));
    }
    if let Some(values) = &proposal.values {
        for (side, only) in
            [("HubSpot", &values.only_hubspot), ("Salesforce", &values.only_salesforce)]
        {
            if !only.is_empty() {
                put(
                    text,
                    format_args!("# values of {side} without a counterpart: {}\n", shown(only)),
                );
            }
        }
        put(text, format_args!("\n[{entity}.fields.{}.values]\n", proposal.name));
        for (hubspot, salesforce) in &values.pairs {
            put(text, format_args!("{} = {}\n", key(hubspot), quoted(salesforce)));
        }
    }
}

/// Writes lists that have too little in common, as comments.
fn write_left(text: &mut String, left: &[Proposal]) {
    for proposal in left {
        let ends: Vec<String> =
            proposal.salesforce.iter().map(|(o, name)| format!("{o}.{name}")).collect();
        put(
            text,
            format_args!(
                "\n# left out, for most values of the one list have no counterpart in the other: {} and {}\n",
                proposal.hubspot,
                ends.join(", ")
            ),
        );
        if let Some(values) = &proposal.values {
            put(
                text,
                format_args!(
                    "#   values of HubSpot: {}\n#   values of Salesforce: {}\n",
                    shown(&values.only_hubspot),
                    shown(&values.only_salesforce)
                ),
            );
        }
    }
}

fn shown(values: &[String]) -> String {
    let mut words: Vec<String> = values.iter().take(VALUES_SHOWN_MAX).map(|v| comment(v)).collect();
    if values.len() > VALUES_SHOWN_MAX {
        words.push(format!("and {} more", values.len() - VALUES_SHOWN_MAX));
    }
    words.join(", ")
}

/// Keeps a text on the comment's own line.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Writes a TOML key, in quotes where it needs them.
fn key(text: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.is_empty() && text.chars().all(is_bare) { text.to_owned() } else { quoted(text) }
}

/// Writes a TOML text.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("writing to a String does not fail");
}

//! Reads `field_map.toml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use toml::de::{DeTable, DeValue};

use crate::crm::CrmKind;

use super::field_map_rules::{check_entity, check_field};
use super::reader::{Node, Reader, Table, suggestion};
use super::{
    Create, CreatePolicy, Entity, EntityName, Field, FieldMap, FieldType, ModelColumn, Owner,
    PercentForm, SidePair, SignOff, WriteMode,
};

/// Reads a whole field map; `None` once any problem was noted.
pub(super) fn read(reader: &Reader<'_>, root: &DeTable<'_>) -> Option<FieldMap> {
    let table = reader.root(root);
    let sign_offs = table.or("sign_offs", Vec::new(), |reader, node| {
        reader.list(node, "a list of sign-offs", sign_off)
    });
    let mut entities = Vec::new();
    let mut is_clean = true;
    for name in EntityName::ALL {
        let entity = match table.get(name.as_str()) {
            Some(node) => {
                let line = reader.place(table.key_span(name.as_str()).start).0;
                reader.table(&node, name.to_string()).and_then(|table| entity(table, name, line))
            }
            None => Some(Entity::unmapped(name)),
        };
        is_clean &= entity.is_some();
        entities.extend(entity);
    }
    if is_clean && !entities.iter().any(|entity| entity.is_mapped) {
        let hint = "a map has `[person]`, `[company]` or `[deal]`".to_owned();
        table.problem("the field map is empty", Some(hint));
        is_clean = false;
    }
    table.finish();
    let sign_offs = sign_offs?;
    is_clean.then(|| FieldMap { digest: digest(root), entities, sign_offs })
}

fn sign_off(reader: &Reader<'_>, node: &Node<'_>) -> Option<SignOff> {
    let table = reader.table(node, "sign_offs".to_owned())?;
    let name = table.read("name", Reader::text);
    let date = table.read("date", |reader, node| {
        let text = reader.text(node)?;
        if text.parse::<jiff::civil::Date>().is_err() {
            let hint = "write it as text: `\"2026-10-01\"`".to_owned();
            reader.refuse(node, format!("not a date: `{text}`"), Some(hint));
            return None;
        }
        Some(text)
    });
    let digest = table.read("digest", |reader, node| {
        let text = reader.text(node)?;
        let is_hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !is_hex || !(8..=64).contains(&text.len()) {
            let hint = "`concord config show` prints the digest; 8 characters of it are enough";
            reader.refuse(node, format!("not a digest: `{text}`"), Some(hint.to_owned()));
            return None;
        }
        Some(text)
    });
    table.finish();
    Some(SignOff { name: name?, date: date?, digest: digest? })
}

fn entity(table: Table<'_, '_>, name: EntityName, line: usize) -> Option<Entity> {
    let hubspot = table.read("hubspot", |reader, node| {
        let object = reader.name(node)?;
        is_kept_in(reader, node, name, &object, &[name.hubspot_object()]).then_some(object)
    });
    let salesforce = table.read("salesforce", |reader, node| {
        let objects = reader.list(node, "a list of names", |reader, node| {
            let object = reader.name(node)?;
            is_kept_in(reader, node, name, &object, name.salesforce_objects()).then_some(object)
        })?;
        if objects.is_empty() {
            reader.refuse(node, "names no object: `salesforce`".to_owned(), None);
            return None;
        }
        Some(objects)
    });
    let create = table.section("create").and_then(|t| create(t, name, salesforce.as_deref()));
    let follows_account = table.section("associations").and_then(|t| associations(t, name));
    let key = table.section("key").and_then(|t| pair(t, SidePair::key()));
    let link = table.section("link").and_then(|t| pair(t, SidePair::link()));
    let fields = table.read("fields", |reader, node| {
        let fields = reader.table(node, name.to_string())?;
        let read_field = |node: Node<'_>| {
            let line = reader.place(fields.key_span(&node.key).start).0;
            let inner = reader.table(&node, format!("{name}.{}", node.key))?;
            field(inner, &node.key, line, salesforce.as_deref())
        };
        let read: Vec<Option<Field>> = fields.entries().into_iter().map(read_field).collect();
        let spans = fields.entries().into_iter().map(|node| fields.key_span(&node.key));
        let spans: Vec<_> = spans.collect();
        let read: Option<Vec<Field>> = read.into_iter().collect();
        read.map(|fields| (fields, spans))
    });
    let reader = table.reader;
    table.finish();
    let (fields, spans) = fields?;
    let entity = Entity {
        name,
        is_mapped: true,
        hubspot: hubspot?,
        salesforce: salesforce?,
        create: create?,
        follows_account: follows_account?,
        key: key?,
        link: link?,
        fields,
        line,
    };
    check_entity(reader, &entity, &spans).then_some(entity)
}

fn create(table: Table<'_, '_>, name: EntityName, objects: Option<&[String]>) -> Option<Create> {
    let policy = |reader: &Reader<'_>, node: &Node<'_>| {
        let all = [CreatePolicy::Never, CreatePolicy::Included];
        let policy = reader.word(node, "create policy", &words(&all, CreatePolicy::as_str))?;
        // Inclusion rules speak of people.
        if policy == CreatePolicy::Included && name != EntityName::Person {
            let message = format!("no inclusion rule decides which {name} is created");
            reader.refuse(node, message, Some("write `\"never\"`".to_owned()));
            return None;
        }
        Some(policy)
    };
    let default = match name {
        EntityName::Person => CreatePolicy::Included,
        EntityName::Company | EntityName::Deal => CreatePolicy::Never,
    };
    let salesforce = table.or("salesforce", default, policy);
    let hubspot = table.or("hubspot", CreatePolicy::Never, policy);
    let first = objects.and_then(<[String]>::first).cloned().unwrap_or_default();
    let as_object = table.or("as_object", first, |reader, node| {
        let object = reader.text(node)?;
        is_object_of(reader, node, &object, objects).then_some(object)
    });
    table.finish();
    Some(Create { salesforce: salesforce?, hubspot: hubspot?, as_object: as_object? })
}

/// Reads `{ company = "salesforce" }`: whether a contact follows its account.
fn associations(table: Table<'_, '_>, name: EntityName) -> Option<bool> {
    let company = table.or("company", false, |reader, node| {
        let side = reader.word(node, "side", &SIDES)?;
        if name != EntityName::Person {
            let message = format!("no association of a {name} is written: `company`");
            reader.refuse(node, message, None);
            return None;
        }
        if side == CrmKind::HubSpot {
            let message = "a contact's account is never written: `hubspot`".to_owned();
            reader.refuse(
                node,
                message,
                Some("write `\"salesforce\"`, or leave it out".to_owned()),
            );
            return None;
        }
        Some(true)
    });
    table.finish();
    company
}

fn pair(table: Table<'_, '_>, default: SidePair) -> Option<SidePair> {
    let hubspot = table.or("hubspot", default.hubspot, Reader::name);
    let salesforce = table.or("salesforce", default.salesforce, Reader::name);
    table.finish();
    Some(SidePair { hubspot: hubspot?, salesforce: salesforce? })
}

fn field(
    table: Table<'_, '_>,
    name: &str,
    line: usize,
    objects: Option<&[String]>,
) -> Option<Field> {
    let reader = table.reader;
    let owner =
        table.read("owner", |r, node| r.word(node, "owner", &words(&Owner::ALL, Owner::as_str)));
    let field_type = table
        .read("type", |r, node| r.word(node, "type", &words(&FieldType::ALL, FieldType::as_str)));
    let hubspot = table.read("hubspot", Reader::name);
    let salesforce =
        table.read("salesforce", |r, node| salesforce_fields(r, node, &table, objects));
    let tie = table.or("tie", None, |r, node| r.word(node, "side", &SIDES).map(Some));
    let because = table.section("because").and_then(of_sides);
    let write = table.or("write", WriteMode::Always, |r, node| {
        r.word(node, "write mode", &words(&WriteMode::ALL, WriteMode::as_str))
    });
    let clear = table.or("clear", false, Reader::flag);
    let truncate = table.or("truncate", false, Reader::flag);
    let blank_is_false = table.or("blank_is_false", false, Reader::flag);
    let is_mapped_by_label = table.get("values").is_some_and(|node| node.value.is_str());
    let values = table.or("values", Vec::new(), |r, node| values(r, node, &table));
    let scale = table.or("scale", None, |r, node| r.whole(node, 0).map(Some));
    let zone = table.or("zone", None, |r, node| r.zone(node).map(Some));
    let create_default = table.or("create_default", None, |r, node| r.text(node).map(Some));
    let currency = table.or("currency", None, |r, node| currency(r, node, &table).map(Some));
    let hubspot_keeps = table.or("hubspot_keeps", None, |r, node| {
        r.word(node, "form", &words(&PercentForm::ALL, PercentForm::as_str)).map(Some)
    });
    let fallback = table.section("fallback").and_then(of_sides);
    let from = table.or("from", None, |r, node| model_column(r, node, &table).map(Some));
    let restrictive = table.or("restrictive", true, Reader::flag);
    let options = OptionPlaces::of(&table);
    let span = table.span.clone();
    let holder = table.name.clone();
    table.finish();
    let field = Field {
        name: name.to_owned(),
        field_type: field_type?,
        hubspot: hubspot?,
        salesforce: salesforce?,
        owner: owner?,
        tie: tie?,
        because: because?,
        write: write?,
        clear: clear?,
        truncate: truncate?,
        blank_is_false: blank_is_false?,
        is_mapped_by_label,
        values: values?,
        scale: scale?,
        zone: zone?,
        create_default: create_default?,
        currency: currency?,
        hubspot_keeps: hubspot_keeps?,
        fallback: fallback?,
        from: from?,
        restrictive: restrictive?,
        line,
    };
    let place = |key: &str| options.span(key).unwrap_or_else(|| span.clone());
    check_field(reader, &holder, &field, place).then_some(field)
}

const SIDES: [(&str, CrmKind); 2] =
    [("hubspot", CrmKind::HubSpot), ("salesforce", CrmKind::Salesforce)];

/// Where each option of a field is written, for rules about several of them.
struct OptionPlaces(BTreeMap<String, std::ops::Range<usize>>);

impl OptionPlaces {
    fn of(table: &Table<'_, '_>) -> Self {
        const OPTIONS: [&str; 15] = [
            "owner",
            "tie",
            "because",
            "clear",
            "truncate",
            "blank_is_false",
            "values",
            "scale",
            "zone",
            "create_default",
            "currency",
            "hubspot_keeps",
            "fallback",
            "from",
            "restrictive",
        ];
        let found = OPTIONS.iter().filter_map(|key| {
            table.get(key).map(|node| ((*key).to_owned(), table.key_span(&node.key)))
        });
        Self(found.collect())
    }

    fn span(&self, key: &str) -> Option<std::ops::Range<usize>> {
        self.0.get(key).cloned()
    }
}

/// Reads `{ Lead = "Phone", Contact = "Phone" }`.
fn salesforce_fields(
    reader: &Reader<'_>,
    node: &Node<'_>,
    field: &Table<'_, '_>,
    objects: Option<&[String]>,
) -> Option<BTreeMap<String, String>> {
    let table = reader.table(node, field.name.clone())?;
    let nodes = table.entries();
    if nodes.is_empty() {
        let hint = objects.map(|objects| {
            let first = objects.first().map_or("Lead", String::as_str);
            format!("name a field of an object: `salesforce = {{ {first} = \"…\" }}`")
        });
        reader.refuse(node, "mapped to no Salesforce object: `salesforce`".to_owned(), hint);
        return None;
    }
    let read = |node: Node<'_>| {
        let at_key = Node { span: table.key_span(&node.key), ..node.clone() };
        let is_object = is_object_of(reader, &at_key, &node.key, objects);
        let name = reader.name(&node)?;
        is_object.then_some((node.key, name))
    };
    nodes.into_iter().map(read).collect::<Vec<_>>().into_iter().collect()
}

/// Notes an object in which an entity's records are not kept.
fn is_kept_in(
    reader: &Reader<'_>,
    node: &Node<'_>,
    name: EntityName,
    object: &str,
    known: &[&str],
) -> bool {
    if known.contains(&object) {
        return true;
    }
    let message = format!("no {name} is kept in this object: `{object}`");
    reader.refuse(node, message, suggestion(object, known));
    false
}

fn is_object_of(
    reader: &Reader<'_>,
    node: &Node<'_>,
    object: &str,
    objects: Option<&[String]>,
) -> bool {
    // Where the entity's own list was refused, there is nothing to compare with.
    let Some(objects) = objects else { return true };
    if objects.iter().any(|known| known == object) {
        return true;
    }
    let known: Vec<&str> = objects.iter().map(String::as_str).collect();
    let message = format!("not an object of this entity: `{object}`");
    reader.refuse(node, message, suggestion(object, &known));
    false
}

/// Reads `"USD"`, or where each side says the code: `{ hubspot = "deal_currency_code", salesforce = "USD" }`.
fn currency(reader: &Reader<'_>, node: &Node<'_>, field: &Table<'_, '_>) -> Option<SidePair> {
    if node.value.is_str() {
        let code = reader.name(node)?;
        if !is_currency_code(&code) {
            let hint = "write a code of three capitals such as `USD`, or where each side says it: `{ hubspot = \"deal_currency_code\", salesforce = \"CurrencyIsoCode\" }`";
            reader.refuse(node, format!("not a currency code: `{code}`"), Some(hint.to_owned()));
            return None;
        }
        return Some(SidePair { hubspot: code.clone(), salesforce: code });
    }
    let table = reader.table(node, format!("{}.currency", field.name))?;
    let hubspot = table.read("hubspot", Reader::name);
    let salesforce = table.read("salesforce", Reader::name);
    table.finish();
    Some(SidePair { hubspot: hubspot?, salesforce: salesforce? })
}

/// Says whether a text is a currency code itself, and not the field that holds one.
pub(crate) fn is_currency_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// Reads `{ model = "lead_scores", column = "score" }`.
fn model_column(
    reader: &Reader<'_>,
    node: &Node<'_>,
    field: &Table<'_, '_>,
) -> Option<ModelColumn> {
    let table = reader.table(node, format!("{}.from", field.name))?;
    let model = table.read("model", Reader::name);
    let column = table.read("column", Reader::name);
    table.finish();
    Some(ModelColumn { model: model?, column: column? })
}

/// Reads a text for each side, or for one.
fn of_sides(table: Table<'_, '_>) -> Option<BTreeMap<CrmKind, String>> {
    let hubspot = table.or("hubspot", None, |r, node| r.text(node).map(Some));
    let salesforce = table.or("salesforce", None, |r, node| r.text(node).map(Some));
    table.finish();
    let sides = [(CrmKind::HubSpot, hubspot?), (CrmKind::Salesforce, salesforce?)];
    Some(sides.into_iter().filter_map(|(side, text)| Some((side, text?))).collect())
}

fn values(
    reader: &Reader<'_>,
    node: &Node<'_>,
    field: &Table<'_, '_>,
) -> Option<Vec<(String, String)>> {
    if node.value.is_str() {
        reader.word(node, "way to map values", &[("by_label", ())])?;
        return Some(Vec::new());
    }
    let table = reader.table(node, field.name.clone())?;
    let read = |node: Node<'_>| {
        let to = reader.text(&node)?;
        Some((node.key, to))
    };
    table.entries().into_iter().map(read).collect::<Vec<_>>().into_iter().collect()
}

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<(&'static str, T)> {
    all.iter().map(|value| (word(*value), *value)).collect()
}

/// Returns the SHA-256 of what the map says, in hex.
///
/// Comments, layout, the order of tables and the sign-offs themselves leave it as it is. The order
/// of `values` counts, because of several it is the first that travels back.
fn digest(root: &DeTable<'_>) -> String {
    let mut text = String::new();
    for (key, value) in root.iter().filter(|(key, _)| key.get_ref() != "sign_offs") {
        canonical(key.get_ref(), value.get_ref(), &mut text);
    }
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        write!(hex, "{byte:02x}").expect("writing to a String does not fail");
    }
    hex
}

fn canonical(key: &str, value: &DeValue<'_>, text: &mut String) {
    write!(text, "{key:?}=").expect("writing to a String does not fail");
    match value {
        DeValue::Table(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            if key == "values" {
                entries.sort_by_key(|(key, _)| key.span().start);
            } else {
                entries.sort_by_key(|(key, _)| key.get_ref().to_string());
            }
            text.push('{');
            for (key, value) in entries {
                canonical(key.get_ref(), value.get_ref(), text);
            }
            text.push('}');
        }
        DeValue::Array(items) => {
            text.push('[');
            for item in items {
                canonical("", item.get_ref(), text);
            }
            text.push(']');
        }
        DeValue::String(string) => {
            write!(text, "{string:?}").expect("writing to a String does not fail");
        }
        DeValue::Integer(integer) => text.push_str(integer.as_str()),
        DeValue::Float(float) => text.push_str(float.as_str()),
        DeValue::Boolean(flag) => text.push_str(if *flag { "true" } else { "false" }),
        DeValue::Datetime(datetime) => text.push_str(&datetime.to_string()),
    }
    text.push(';');
}

//! The laws that hold for worlds of any kind, each judged on its own evidence.

use std::collections::{BTreeMap, BTreeSet};

use concord::config::{Field, FieldMap, FieldType, Owner, WriteMode};

use super::judge::{Records, query};
use super::known::Tally;
use super::typed::{Facts, Side, meaning};
use super::world::{World, people};
use crate::support::{Company, Row};

/// Golden record, CRM to be written and field.
pub type Place = (String, String, String);

/// What a night left.
pub struct Night {
    pub outcomes: Vec<Row>,
    pub held: BTreeMap<Place, Row>,
    /// The primary records of each golden id.
    pub pairs: BTreeMap<String, (String, String)>,
}

impl Night {
    pub fn of(company: &Company) -> Self {
        Self { outcomes: outcomes(company), held: owed(company), pairs: pairs(company) }
    }
}

fn pairs(company: &Company) -> BTreeMap<String, (String, String)> {
    query(company, "select golden_id, hubspot_id, salesforce_id from int_pairs")
        .into_iter()
        .map(|row| {
            let of = |name: &str| row[name].clone();
            (of("golden_id"), (of("hubspot_id"), of("salesforce_id")))
        })
        .collect()
}

/// Law 1: what was accepted is not planned again when nobody touched anything since.
///
/// To be called after a second run; `before` is what the first left.
pub fn settles(company: &Company, map: &FieldMap, before: &Night, tally: &mut Tally) {
    let pairs = pairs(company);
    let outcomes = &before.outcomes;
    let unsettled: BTreeSet<&String> = outcomes
        .iter()
        .filter(|row| row["status"] != "accepted")
        .map(|row| &row["golden_id"])
        .collect();
    for action in query(
        company,
        "select golden_id, object, record_id, field, before, after from plan.actions",
    ) {
        if unsettled.contains(&action["golden_id"]) {
            continue;
        }
        // HubSpot itself notes when a stage is reached, also when that is by our write.
        let is_stamp = action["field"] == "mql_date"
            && outcomes.iter().any(|row| {
                row["golden_id"] == action["golden_id"] && row["target_field"] == "lifecyclestage"
            });
        if is_stamp {
            continue;
        }
        let field = people(map).fields.iter().find(|field| field.name == action["field"]);
        let golden = &action["golden_id"];
        let is_made =
            outcomes.iter().any(|row| row["operation"] == "create" && row["golden_id"] == *golden);
        let (was, is) = (before.pairs.get(golden), pairs.get(golden));
        let known = match field {
            _ if was != is && !is_made => Some("regrouped"),
            Some(field) if is_made && has_default(field) => Some("default_of_a_new_record"),
            _ => None,
        };
        tally.note(known, || format!("law 1, planned again: {action:?}"));
    }
}

/// Says whether a CRM fills the field of a new record by itself.
fn has_default(field: &Field) -> bool {
    field.field_type == FieldType::Consent || field.hubspot == "lifecyclestage"
}

/// Law 2: every source record is in exactly one cluster, and no cluster spans two worlds.
pub fn accounts_for_every_record(company: &Company, worlds: &[World], tally: &mut Tally) {
    let mut clusters: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in query(company, "select source_id, golden_id from crosswalk") {
        clusters.entry(row["source_id"].clone()).or_default().insert(row["golden_id"].clone());
    }
    let mut worlds_of: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for world in worlds {
        for record in &world.records {
            let golden = clusters.get(&record.id);
            // A merge takes a HubSpot record away for good.
            if golden.is_none_or(|golden| golden.len() != 1) && !record.kind.is_hubspot() {
                tally.note(None, || format!("law 2, {} is in {golden:?}", record.id));
            }
            for golden in golden.into_iter().flatten() {
                worlds_of.entry(golden.clone()).or_default().insert(world.number);
            }
        }
    }
    for (golden, worlds) in worlds_of.iter().filter(|(_, worlds)| worlds.len() > 1) {
        tally.note(None, || format!("law 2, {golden} is in worlds {worlds:?}"));
    }
}

/// Law 2: what is held back, and what waits for tomorrow.
fn owed(company: &Company) -> BTreeMap<Place, Row> {
    query(company, "select golden_id, target_system, field, reason_code from sync_changes where status = 'held'")
        .into_iter()
        .map(|row| {
            let of = |name: &str| row[name].clone();
            ((of("golden_id"), of("target_system"), of("field")), row)
        })
        .collect()
}

/// Law 2: what was held back is held back or an action the next night, when nobody touched it.
///
/// A person whom the night before wrote to may have been settled by that.
pub fn still_owed(company: &Company, before: &Night, tally: &mut Tally) {
    let written: BTreeSet<&String> = before.outcomes.iter().map(|row| &row["golden_id"]).collect();
    let now: BTreeSet<Place> =
        query(company, "select golden_id, target_system, field from sync_changes where status in ('held', 'action')")
            .into_iter()
            .map(|row| (row["golden_id"].clone(), row["target_system"].clone(), row["field"].clone()))
            .collect();
    for (place, row) in &before.held {
        // Whom a record of somebody else's held is free once that one is mended.
        let is_mended = row["reason_code"] == "contradicted_there";
        if !now.contains(place) && !written.contains(&place.0) && !is_mended {
            tally.note(None, || format!("law 2, forgotten: {row:?}"));
        }
    }
}

/// Nothing is refused that metadata tells beforehand; these worlds have no rules beyond them.
pub fn foresees(night: &Night, tally: &mut Tally) {
    for row in night.outcomes.iter().filter(|row| row["status"] == "rejected") {
        tally.note(None, || format!("refused: {row:?}"));
    }
}

/// Law 6: no write against the field map; every written field is judged by the map's own words.
pub fn follows_the_field_map(
    map: &FieldMap,
    facts: &Facts,
    stages: &[String],
    outcomes: &[Row],
    tally: &mut Tally,
) {
    for row in outcomes {
        let object = row["object"].as_str();
        let entity = map.entities.iter().find(|entity| {
            entity.hubspot == object || entity.salesforce.iter().any(|own| own == object)
        });
        let Some(entity) = entity else {
            tally.note(None, || format!("law 6, an object that is not mapped: {row:?}"));
            continue;
        };
        let is_to_hubspot = row["source_system"] == "hubspot";
        let target = row["target_field"].as_str();
        let own = |pair: &concord::config::SidePair| {
            if is_to_hubspot { pair.hubspot == target } else { pair.salesforce == target }
        };
        let name = row["field"].as_str();
        if name.starts_with('(') {
            let is_own = match name {
                "(link)" => own(&entity.link),
                "(key)" => own(&entity.key),
                _ => name == "(company)",
            };
            if !is_own {
                tally.note(None, || format!("law 6, no field for that: {row:?}"));
            }
            continue;
        }
        let Some(field) = entity.field(name) else {
            tally.note(None, || format!("law 6, a field that is not mapped: {row:?}"));
            continue;
        };
        let mapped = if is_to_hubspot {
            Some(field.hubspot.as_str())
        } else {
            field.salesforce.get(object).map(String::as_str)
        };
        let mut against = Vec::new();
        if mapped != Some(target) {
            against.push("another field");
        }
        let owned_there = if is_to_hubspot { Owner::Hubspot } else { Owner::Salesforce };
        // A new record takes what there is; what only one side may change is only changed by it.
        if row["operation"] == "update" {
            if field.owner == owned_there {
                against.push("owned there");
            }
            if field.owner == Owner::Compare {
                against.push("compared only");
            }
            if field.write == WriteMode::OnCreate {
                against.push("written on create only");
            }
            if field.write == WriteMode::WhenBlank && !row["before"].trim().is_empty() {
                against.push("written into blanks only");
            }
            if row["sent"].is_empty() && !field.clear {
                against.push("cleared");
            }
        }
        let side = if is_to_hubspot { Side::HubSpot } else { Side::Salesforce };
        if field.hubspot == "lifecyclestage" && row["operation"] == "update" {
            let place = |text: &str| {
                let meant = meaning(field, side, text, facts);
                let (from, _) = field.values.iter().find(|(_, to)| meant.known() == Some(to))?;
                stages.iter().position(|stage| stage == from)
            };
            if place(&row["before"]).is_some_and(|before| Some(before) >= place(&row["sent"])) {
                against.push("not forward");
            }
        }
        let is_loosened = field.field_type == FieldType::Consent
            && meaning(field, side, &row["before"], facts).known() == Some("true")
            && meaning(field, side, &row["sent"], facts).known() != Some("true");
        if is_loosened {
            against.push("a consent is loosened");
        }
        if !against.is_empty() {
            tally.note(None, || format!("law 6, {}: {row:?}", against.join(", ")));
        }
    }
}

/// What the latest run sent and what was answered.
fn outcomes(company: &Company) -> Vec<Row> {
    query(
        company,
        "select run_id, golden_id, source_system, object, operation, record_id, field, target_field, \
         before, sent, status, code, rule from ops.outcomes where run_id = (select max(run_id) from ops.runs)",
    )
}

/// Law 7: an undo gives every value back that nobody changed since, and leaves everything else.
pub fn is_undone(company: &Company, map: &FieldMap, facts: &Facts, run: &[Row], tally: &mut Tally) {
    let Some(id) = run.first().map(|row| row["run_id"].clone()) else { return };
    // The run's own pull came before its writes.
    let before = Records::read(company);
    let undo = company.concord(&["undo", "--sandbox", &id, "--yes"]);
    assert!([0, 4].contains(&undo.code), "{}{}", undo.stdout, undo.stderr);
    let taken_back = outcomes(company);
    company.good(&["pull", "--sandbox"]);
    let after = Records::read(company);
    let made: BTreeSet<&String> = run
        .iter()
        .filter(|row| row["operation"] == "create")
        .map(|row| &row["golden_id"])
        .collect();
    for row in run.iter().filter(|row| row["status"] == "accepted" && row["operation"] == "update")
    {
        // Who was created stays, with the link; HubSpot lets no stage go back.
        if made.contains(&row["golden_id"]) || row["target_field"] == "lifecyclestage" {
            continue;
        }
        // Nor does a CRM take a retired value again.
        let choices = facts.fields.get(&format!("{}.{}", row["object"], row["target_field"]));
        let is_retired = |old: &str| {
            choices.is_some_and(|choices| choices.values.get(old.trim()) == Some(&false))
        };
        let (object, record, target) = (&row["object"], &row["record_id"], &row["target_field"]);
        let (old, new) = (before.text(object, record, target), after.text(object, record, target));
        if is_retired(old) {
            continue;
        }
        let side = if row["source_system"] == "hubspot" { Side::HubSpot } else { Side::Salesforce };
        let field = people(map).fields.iter().find(|field| field.name == row["field"]);
        let is_same = match field {
            Some(field) => meaning(field, side, old, facts) == meaning(field, side, new, facts),
            None => old == new,
        };
        if !is_same {
            let answer: Vec<&Row> = taken_back
                .iter()
                .filter(|undo| undo["record_id"] == *record && undo["target_field"] == *target)
                .collect();
            tally
                .note(None, || format!("law 7, {old:?} is {new:?}: {row:?}, undone by {answer:?}"));
        }
    }
}

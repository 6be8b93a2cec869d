//! Adversarial worlds by the hundred, a week of edits in each, and a second opinion on every field.
//!
//! A world is one to six people, drawn by knobs from a seed and its number. Many worlds that cannot
//! meet are packed into one company, so that a night of the real program serves them all.
//!
//! `WORLDS` sets how many are tried, `SEED` from which; `WORLD=<seed>/<number>` replays one alone and
//! prints its knobs, records and deeds:
//!
//! ```text
//! WORLDS=5000 SEED=7 cargo test --locked --test it worlds::
//! WORLD=7/1234 cargo test --locked --test it worlds:: -- --nocapture
//! ```

#![expect(clippy::print_stdout, reason = "what was tried stands above what failed")]

mod deeds;
mod dice;
mod handoff;
mod judge;
mod knobs;
mod known;
mod laws;
mod oracle;
mod project;
mod schema;
mod typed;
mod values;
mod week;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use concord::config::FieldMap;

use crate::support::{Company, Output, number, variable};
use deeds::{Places, do_day};
use handoff::Handoffs;
use judge::{Judge, query};
use known::{KNOWN, Tally};
use project::Otherwise;
use values::Staff;
use world::{Setting, World};

/// Worlds of one run of the tests.
const WORLDS: u64 = 200;
/// Worlds of the law that takes two companies.
const WORLDS_IN_ANY_ORDER: u64 = 60;
const SEED: u64 = 1;
/// Worlds that share a company.
const WORLDS_PER_COMPANY: usize = 200;
/// Findings that are printed in full.
const SHOWN_MAX: usize = 20;

const STAGES: [&str; 6] = [
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
];

/// What all worlds share.
struct Stage {
    map: FieldMap,
    staff: Vec<Staff>,
}

impl Stage {
    fn new() -> Self {
        Self { map: project::field_map(&project::empty()), staff: project::staff() }
    }

    /// Draws the worlds that this run is about.
    fn worlds(&self, n: u64) -> Vec<World> {
        let setting = Setting { map: &self.map, staff: &self.staff };
        if let Some(one) = variable("WORLD") {
            let (seed, number) = one.split_once('/').expect("WORLD=<seed>/<number>");
            let [seed, number] = [seed, number].map(|text| text.parse().expect("a number"));
            let world = World::draw(seed, number, &setting);
            println!("{world}");
            return vec![world];
        }
        let seed = number("SEED", SEED);
        (0..number("WORLDS", n)).map(|number| World::draw(seed, number, &setting)).collect()
    }
}

#[test]
fn every_pair_of_knobs_occurs_each_on_and_off() {
    let stage = Stage::new();
    let setting = Setting { map: &stage.map, staff: &stage.staff };
    let knobs: Vec<_> =
        (0..WORLDS).map(|number| World::draw(SEED, number, &setting).knobs).collect();
    assert_eq!(knobs::uncovered(&knobs), Vec::<String>::new());
}

/// Laws 1, 2, 6 and 7, the handoffs, and the oracle on every field of every person.
#[test]
fn the_build_decides_as_the_oracle_does_night_after_night() {
    let stage = Stage::new();
    let mut tally = Tally::default();
    let mut n_judged = 0;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for worlds in stage.worlds(WORLDS).chunks(WORLDS_PER_COMPANY) {
        let mut week = Week::begin(&stage, worlds);
        week.live(&mut tally);
        n_judged += week.judge.n_judged;
        for (what, n) in week.judge.counts {
            *counts.entry(what).or_default() += n;
        }
    }
    println!("{n_judged} fields judged: {counts:?}");
    for (name, sentence) in KNOWN {
        println!("known: {name}, {} times: {sentence}", tally.known.get(name).unwrap_or(&0));
    }
    assert!(
        tally.new.is_empty(),
        "{} findings:\n{}",
        tally.new.len(),
        tally.new.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("\n")
    );
}

/// One company through its week.
struct Week<'a> {
    stage: &'a Stage,
    worlds: &'a [World],
    company: Company,
    judge: Judge,
    handoffs: Handoffs,
    places: Places,
}

impl<'a> Week<'a> {
    fn begin(stage: &'a Stage, worlds: &'a [World]) -> Self {
        let company = project::empty();
        project::write(&company, worlds, Otherwise::default());
        let judge = Judge::new(&company, stage.map.clone(), STAGES.map(str::to_owned).into());
        let handoffs = Handoffs::default();
        Self { stage, worlds, company, judge, handoffs, places: Places::of(worlds) }
    }

    fn live(&mut self, tally: &mut Tally) {
        for day in 0..=week::DAYS {
            if day > 0 {
                let sandbox = self.company.sandbox();
                let done =
                    do_day(&sandbox, &self.stage.map, self.worlds, &mut self.places, day - 1);
                println!("day {day}: {} deeds, {} refused", done.n_done, done.n_refused);
            }
            let night = self.night(tally);
            if day == week::DAYS {
                let facts = &self.judge.facts;
                println!("undone: a run with {} outcomes", night.outcomes.len());
                laws::is_undone(&self.company, &self.stage.map, facts, &night.outcomes, tally);
            } else {
                self.night(tally);
                laws::settles(&self.company, &self.stage.map, &night, tally);
                laws::still_owed(&self.company, &night, tally);
            }
        }
    }

    /// Runs the program once and judges what it made of both CRMs.
    fn night(&mut self, tally: &mut Tally) -> laws::Night {
        let company = &self.company;
        run(company);
        for one in self.judge.judge(company) {
            tally.note(None, || self.with_world(&one));
        }
        self.handoffs.judge(company, tally);
        let night = laws::Night::of(company);
        laws::accounts_for_every_record(company, self.worlds, tally);
        if let Err(error) = crate::laws::accounts_for_every_difference(company) {
            tally.note(None, || format!("law 2: {error}"));
        }
        laws::foresees(&night, tally);
        let stages = STAGES.map(str::to_owned);
        let facts = &self.judge.facts;
        laws::follows_the_field_map(&self.stage.map, facts, &stages, &night.outcomes, tally);
        night
    }

    /// Adds the world to a disagreement, for whoever replays it.
    fn with_world(&self, one: &judge::Disagreement) -> String {
        let number = [&one.hubspot_id, &one.salesforce_id]
            .into_iter()
            .find_map(|id| self.places.world_of(id));
        let world = self.worlds.iter().find(|world| Some(world.number) == number);
        world.map_or_else(|| one.to_string(), |world| format!("{one}\n{world}"))
    }
}

/// Runs the whole program; a CRM may refuse something.
fn run(company: &Company) -> Output {
    let output = company.concord(&["run", "--sandbox"]);
    assert!([0, 4].contains(&output.code), "{}{}", output.stdout, output.stderr);
    output
}

/// Law 3: the order of rows, the threads, the ways of the pull and of the writes change nothing.
#[test]
fn order_threads_and_ways_change_nothing() {
    const NIGHTS: usize = 3;
    let stage = Stage::new();
    let worlds = stage.worlds(WORLDS_IN_ANY_ORDER);
    let otherwise = Otherwise { is_reversed: true, by_jobs: true };
    let companies = [Otherwise::default(), otherwise].map(|how| {
        let company = project::empty();
        project::write(&company, &worlds, how);
        company
    });
    let mut places = [Places::of(&worlds), Places::of(&worlds)];
    let from_the_start: BTreeSet<&String> =
        worlds.iter().flat_map(|world| &world.records).map(|record| &record.id).collect();
    for night in 0..NIGHTS {
        let mut found = Vec::new();
        for (company, places) in companies.iter().zip(&mut places) {
            if night > 0 {
                do_day(&company.sandbox(), &stage.map, &worlds, places, night - 1);
            }
            run(company);
            found.push(what_was_made(company, &from_the_start));
        }
        let [one, other] = &found[..] else { return };
        for (what, rows) in one {
            let others = &other[what];
            let differ: Vec<_> = rows.symmetric_difference(others).take(SHOWN_MAX).collect();
            assert!(differ.is_empty(), "night {night}, {what}: {differ:#?}");
        }
    }
}

/// Clusters, provenance and decisions; ids that a CRM gave during the week are all alike.
fn what_was_made(
    company: &Company,
    known: &BTreeSet<&String>,
) -> BTreeMap<&'static str, BTreeSet<Vec<String>>> {
    let golden: BTreeMap<String, String> = {
        let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in query(company, "select golden_id, source_id from crosswalk") {
            let own = members.entry(row["golden_id"].clone()).or_default();
            if known.contains(&row["source_id"]) {
                own.insert(row["source_id"].clone());
            }
        }
        let text = |ids: BTreeSet<String>| ids.into_iter().collect::<Vec<_>>().join("+");
        members.into_iter().map(|(golden, ids)| (golden, text(ids))).collect()
    };
    let plain = |(name, text): (String, String)| {
        let is_id = name.ends_with("_id") || name == "after" || name == "before";
        let is_new = text.len() == 18 && text.starts_with(['0', 'a']) && !known.contains(&text)
            || text.parse::<u64>().is_ok_and(|n| n > 4_000_000) && !known.contains(&text);
        match golden.get(&text) {
            Some(members) => members.clone(),
            None if is_id && is_new => "(new)".to_owned(),
            None => text,
        }
    };
    let rows = |sql: &str| -> BTreeSet<Vec<String>> {
        let rows = query(company, sql).into_iter();
        rows.map(|row| row.into_iter().map(plain).collect()).collect()
    };
    BTreeMap::from([
        ("crosswalk", rows("select golden_id, source_id, is_live from crosswalk")),
        (
            "provenance",
            rows(
                "select golden_id, field, value, source_system, source_id, rule, winning_raw, losing_raw from provenance",
            ),
        ),
        (
            "changes",
            rows(
                "select golden_id, target_system, target_id, operation, field, before, after, status, reason_code, rule from sync_changes where field <> '(key)'",
            ),
        ),
    ])
}

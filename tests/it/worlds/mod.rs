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
mod judge;
mod knobs;
mod known;
mod oracle;
mod project;
mod schema;
mod typed;
mod values;
mod week;
mod world;

use crate::support::{number, variable};
use deeds::{Places, do_day};
use judge::Judge;
use project::Otherwise;
use world::{Setting, World};

/// Worlds of one run of the tests.
const WORLDS: u64 = 200;
const SEED: u64 = 1;
/// Worlds that share a company.
const WORLDS_PER_COMPANY: usize = 100;

/// Draws the worlds that this run is about.
fn worlds(setting: &Setting<'_>, n: u64) -> Vec<World> {
    if let Some(one) = variable("WORLD") {
        let (seed, number) = one.split_once('/').expect("WORLD=<seed>/<number>");
        let [seed, number] = [seed, number].map(|text| text.parse().expect("a number"));
        let world = World::draw(seed, number, setting);
        println!("{world}");
        return vec![world];
    }
    let seed = number("SEED", SEED);
    (0..number("WORLDS", n)).map(|number| World::draw(seed, number, setting)).collect()
}

#[test]
fn the_build_decides_as_the_oracle_does_night_after_night() {
    let staff = project::staff();
    let probe = project::empty();
    let map = project::field_map(&probe);
    let all = worlds(&Setting { map: &map, staff: &staff }, WORLDS);
    let mut n = 0;
    for worlds in all.chunks(WORLDS_PER_COMPANY) {
        let company = project::empty();
        project::write(&company, worlds, Otherwise::default());
        let stages = ["subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer"];
        let mut judge = Judge::new(&company, map.clone(), stages.map(str::to_owned).into());
        let mut places = Places::of(worlds);
        let mut found = Vec::new();
        for night in 0..=week::DAYS {
            if night > 0 {
                let done = do_day(&company.sandbox(), &map, worlds, &mut places, night - 1);
                println!("day {night}: {done:?}");
            }
            for _ in 0..2 {
                let output = company.concord(&["run", "--sandbox"]);
                println!("{} {}", output.code, output.stdout.lines().filter(|l| l.starts_with("plan ") || l.starts_with("apply ")).collect::<Vec<_>>().join(" | "));
                assert!([0, 4].contains(&output.code), "{}{}", output.stdout, output.stderr);
                found.extend(judge.judge(&company));
            }
        }
        println!("{} judged: {:?}", judge.n_judged, judge.counts);
        n += found.len();
        let mut kinds = std::collections::BTreeMap::<String, Vec<String>>::new();
        for one in &found {
            let kind = format!("{} {}", one.field, one.what.split('\n').next().unwrap_or_default());
            kinds.entry(kind).or_default().push(one.to_string());
        }
        for (kind, all) in &kinds {
            println!("== {kind}: {}\n{}", all.len(), all[0]);
        }
    }
    assert_eq!(n, 0, "disagreements");
}

//! Law 4: killed at any moment, then run again, a night ends as an undisturbed one does.
//!
//! A point is a stage and, once to three times, a moment in it: a call that has arrived at a CRM, and
//! was handled or not, or a file that has appeared in the warehouse. Most points begin from a plan
//! that is already there, where a crash costs most and a test least.
//!
//! Points are numbered, and the number is the seed of everything. `CONCORD_CRASH_POINTS` sets how many
//! are tried, `CONCORD_CRASH_SEED` the first:
//!
//! ```text
//! CONCORD_CRASH_POINTS=1000 cargo test --locked --test it crash
//! CONCORD_CRASH_SEED=17 CONCORD_CRASH_POINTS=1 cargo test --locked --test it crash
//! ```

#![expect(clippy::print_stdout, reason = "what was tried stands above what failed")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use concord::apply::{Answered, Intent, Outcome, Status};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde::de::DeserializeOwned;

use crate::support::end_state::{EndState, differences, end_state};
use crate::support::hosted::{Extent, Hosted, Point};
use crate::support::number;
use crate::support::prepared::{Prepared, plan_named, pulled};

const POINTS: u64 = 44;
/// Points of one company.
const POINTS_PER_WORLD: u64 = 22;
/// Crashes of one stage before it is left in peace.
const CRASHES_MAX: u32 = 3;

#[derive(Clone, Copy, Debug)]
enum Stage {
    Pull,
    Plan,
    Apply,
    /// `concord undo` of what was applied, new records included.
    Undo,
    /// `concord run`, from nothing.
    Night,
}

impl Stage {
    fn of(seed: u64) -> Self {
        match seed % POINTS_PER_WORLD {
            0 => Self::Night,
            1..=3 => Self::Pull,
            4..=6 => Self::Plan,
            7..=9 => Self::Undo,
            _ => Self::Apply,
        }
    }
}

#[test]
fn a_night_killed_at_any_moment_ends_as_an_undisturbed_one() {
    let first = number("CONCORD_CRASH_SEED", 0);
    let n_points = number("CONCORD_CRASH_POINTS", POINTS);
    let mut prepared: Option<(u64, Prepared)> = None;
    let mut n_killed = 0;
    for seed in first..first + n_points {
        let world = seed / POINTS_PER_WORLD;
        if prepared.as_ref().is_none_or(|(known, _)| *known != world) {
            prepared = Some((world, Prepared::new(world)));
        }
        let Some((_, prepared)) = &prepared else { continue };
        match catch_unwind(AssertUnwindSafe(|| crash(seed, prepared))) {
            Ok(n) => n_killed += n,
            Err(cause) => {
                eprintln!(
                    "crash point {seed} failed; replay it with\n    CONCORD_CRASH_SEED={seed} \
                     CONCORD_CRASH_POINTS=1 cargo test --locked --test it crash"
                );
                std::panic::resume_unwind(cause);
            }
        }
    }
    println!("{n_points} crash points, {n_killed} processes killed");
    assert!(n_killed >= n_points, "moments are drawn from those that runs have");
}

/// Tries one point; returns how often the program was killed.
fn crash(seed: u64, prepared: &Prepared) -> u64 {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let stage = Stage::of(seed);
    match stage {
        Stage::Pull => {
            let hosted = Hosted::new(prepared.fresh.copy());
            let n = kill(&hosted, &["pull", "--sandbox"], prepared.pull, &mut chance);
            hosted.good(&["pull", "--sandbox"]);
            assert!(pulled(&hosted) == prepared.pulled, "the snapshots are others");
            n
        }
        Stage::Plan => {
            let hosted = Hosted::new(prepared.built.copy());
            let n = kill(&hosted, &["plan", "--sandbox"], prepared.planning, &mut chance);
            let planned = hosted.good(&["plan", "--sandbox"]);
            hosted.good(&["apply", "--sandbox", &plan_named(&planned.stdout)]);
            ends_as_undisturbed(&hosted, &prepared.end);
            n
        }
        Stage::Undo => {
            let hosted = Hosted::new(prepared.applied.copy());
            let undo = ["undo", "--sandbox", &prepared.run, "--creates", "--yes"];
            let n = kill(&hosted, &undo, prepared.undo, &mut chance);
            hosted.good(&undo);
            ends_as_undisturbed(&hosted, &prepared.undone);
            n
        }
        Stage::Apply => {
            let hosted = Hosted::new(prepared.planned.copy());
            let apply = ["apply", "--sandbox", &prepared.plan];
            let n = kill(&hosted, &apply, prepared.apply, &mut chance);
            let (made, n_bodies) = (keys_made(&hosted), hosted.bodies().len());
            hosted.good(&apply);
            for body in &hosted.bodies()[n_bodies..] {
                assert!(!made.iter().any(|key| body.contains(key)), "made again by {body}");
            }
            ends_as_undisturbed(&hosted, &prepared.end);
            // What was carried out is not carried out again.
            let n_bodies = hosted.bodies().len();
            hosted.good(&apply);
            assert_eq!(hosted.bodies().len(), n_bodies, "nothing is left to do");
            n
        }
        Stage::Night => {
            let hosted = Hosted::new(prepared.fresh.copy());
            let n = kill(&hosted, &["run", "--sandbox"], prepared.night, &mut chance);
            hosted.good(&["run", "--sandbox"]);
            ends_as_undisturbed(&hosted, &prepared.end);
            let again = hosted.good(&["run", "--sandbox"]);
            assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
            n
        }
    }
}

/// Kills the command at moments of its extent; returns how often it was killed.
fn kill(hosted: &Hosted, command: &[&str], extent: Extent, chance: &mut ChaCha8Rng) -> u64 {
    let mut n_killed = 0;
    for _ in 0..chance.random_range(1..=CRASHES_MAX) {
        let point = match chance.random_range(0..3) {
            0 => Point::File { n: chance.random_range(1..=extent.n_files) },
            handled => {
                Point::Call { n: chance.random_range(1..=extent.n_calls), is_handled: handled == 1 }
            }
        };
        println!("{command:?} {point:?}");
        n_killed += u64::from(hosted.kill(command, point));
    }
    n_killed
}

fn ends_as_undisturbed(hosted: &Hosted, end: &EndState) {
    repeats_no_success(hosted);
    let differences = differences(&end_state(&hosted.sandbox), end);
    assert!(differences.is_empty(), "{differences:#?}");
}

/// No call repeats an action once the journal says that it was accepted.
fn repeats_no_success(hosted: &Hosted) {
    for run in entries(&hosted.warehouse().join("runs")) {
        let mut accepted: BTreeSet<String> = BTreeSet::new();
        let mut files = entries(&run.join("journal"));
        files.sort();
        let is_intent = |path: &&PathBuf| path.to_string_lossy().ends_with("-intent.json");
        for path in files.iter().filter(is_intent) {
            let intent: Intent = read(path).expect("an intent");
            for action in &intent.actions {
                assert!(!accepted.contains(&action.action_id), "{} again", action.action_id);
            }
            accepted.extend(accepted_of(path).map(|outcome| outcome.action_id));
        }
    }
}

/// The keys of all creates that the journals know to be accepted.
fn keys_made(hosted: &Hosted) -> Vec<String> {
    let runs = entries(&hosted.warehouse().join("runs")).into_iter();
    let files = runs.flat_map(|run| entries(&run.join("journal")));
    files
        .filter_map(|path| Some((read::<Intent>(&path)?, path)))
        .flat_map(|(intent, path)| {
            let accepted: BTreeSet<String> = accepted_of(&path).map(|o| o.action_id).collect();
            let made = intent.actions.into_iter().filter(move |a| accepted.contains(&a.action_id));
            made.filter_map(|action| action.create_key.map(|(_, key)| key))
        })
        .collect()
}

/// What the answer to a call, or reading back, said was accepted.
fn accepted_of(intent: &Path) -> impl Iterator<Item = Outcome> {
    let beside = |kind: &str| {
        PathBuf::from(intent.to_string_lossy().replace("-intent", &format!("-{kind}")))
    };
    [beside("outcome"), beside("settled")]
        .into_iter()
        .filter_map(|path| read::<Answered>(&path))
        .flat_map(|answered| answered.outcomes)
        .filter(|outcome| outcome.status == Status::Accepted)
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}

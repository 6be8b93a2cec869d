//! A rehearsal as a person reads it: what would be refused, what it would cost, what would remain.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Calls, Cause, Differing, Rehearsal, Reject};
use crate::crm::refusal;
use crate::plan;

/// Renders a rehearsal as lines of text, without color. `n_examples` bounds the records shown for
/// each reason; the counts always cover all.
pub fn show(rehearsal: &Rehearsal, n_examples: usize) -> String {
    let mut text = String::new();
    let summary = &rehearsal.summary;
    let _ = writeln!(
        text,
        "rehearsed plan {}  digest {}  on snapshots of {}",
        rehearsal.plan, rehearsal.digest, rehearsal.as_of
    );
    let _ = writeln!(
        text,
        "  {} sent = {} accepted + {} rejected + {} unknown; {} already there, {} drifted, {} skipped, {} left",
        summary.sent,
        summary.accepted,
        summary.rejected,
        summary.unknown,
        summary.already,
        summary.drift,
        summary.skipped,
        summary.left,
    );
    write_rejects(&mut text, &rehearsal.rejects, n_examples);
    write_calls(&mut text, &rehearsal.calls);
    write_differing(&mut text, &rehearsal.differing, n_examples);
    text
}

fn write_rejects(text: &mut String, rejects: &[Reject], n_examples: usize) {
    let _ = writeln!(text, "would be refused {}", rejects.len());
    let mut by_reason: BTreeMap<(&str, &str), Vec<&Reject>> = BTreeMap::new();
    for reject in rejects {
        by_reason.entry((reject.reason, &reject.code)).or_default().push(reject);
    }
    for ((reason, code), rejects) in by_reason {
        let _ = writeln!(text, "  {:>6}  {reason}: {}; {code}", rejects.len(), sentence(reason));
        for reject in rejects.iter().take(n_examples) {
            let _ = writeln!(
                text,
                "            {} {}  {}  {}",
                reject.object,
                reject.record_id.as_deref().unwrap_or("(new)"),
                reject.golden_id,
                reject.field.as_deref().unwrap_or("(record)"),
            );
        }
    }
}

/// Says in words what a reason means: in the plan's, where the plan holds back for it too.
fn sentence(reason: &str) -> &'static str {
    refusal::sentence(reason).unwrap_or_else(|| plan::sentence(reason))
}

fn write_calls(text: &mut String, calls: &[Calls]) {
    for line in calls {
        let jobs = match line.job_calls_max {
            0 => String::new(),
            max => format!(", jobs at most {max} more"),
        };
        let retries = match line.retries {
            0 => String::new(),
            retries => format!(", {retries} tries again"),
        };
        let _ = writeln!(
            text,
            "calls {}  {} of {} priced: data {} of {}, fixed {} of {}{jobs}{retries}",
            line.system,
            line.data + line.fixed + line.retries,
            line.data_planned + line.fixed_planned,
            line.data,
            line.data_planned,
            line.fixed,
            line.fixed_planned,
        );
    }
}

fn write_differing(text: &mut String, differing: &[Differing], n_examples: usize) {
    let _ = writeln!(text, "would still differ {}", differing.len());
    let mut by_cause: BTreeMap<Cause, Vec<&Differing>> = BTreeMap::new();
    for record in differing {
        by_cause.entry(record.cause).or_default().push(record);
    }
    for (cause, records) in by_cause {
        let sentence = match cause {
            Cause::Rejected => "refused, as above",
            Cause::Skipped => "waits for a record that would not be made",
            Cause::Drift => "is not as the plan saw it",
            Cause::StoredOtherwise => "the CRM takes the write and keeps another value",
            Cause::Left => "its turn did not come",
        };
        let _ = writeln!(text, "  {:>6}  {}: {sentence}", records.len(), cause.as_str());
        // Those that were refused are listed above already.
        for record in records.iter().take(n_examples).filter(|_| cause != Cause::Rejected) {
            let _ = writeln!(
                text,
                "            {} {}  {}  {}",
                record.object,
                record.record_id.as_deref().unwrap_or("(new)"),
                record.golden_id,
                record.fields.join(", "),
            );
        }
    }
}

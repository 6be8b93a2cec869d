//! The plan as a person reads it: what changes and why, what was held back and why, what it costs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Action, After, Change, ChangeStatus, Plan, RouteOption};
use crate::crm::WriteOperation;

/// Renders a plan as lines of text, without color. `n_examples` bounds the records shown of each
/// kind; the counts always cover all.
pub fn show(plan: &Plan, actions: &[Action], changes: &[Change], n_examples: usize) -> String {
    let mut text = String::new();
    write_lasting(&mut text, plan);
    write_summary(&mut text, plan);
    write_examples(&mut text, plan, actions, n_examples);
    write_held(&mut text, plan, changes, n_examples);
    write_noops(&mut text, plan);
    write_price(&mut text, plan);
    write_routes(&mut text, plan);
    write_guards(&mut text, plan);
    text
}

/// Says in words what a reason code of a held-back change or a no-op means, and what releases it.
pub fn sentence(reason_code: &str) -> &'static str {
    match reason_code {
        "does_not_cast" => "the value is not of the field's type; correct it where it was entered",
        "value_unmapped" => "the field map gives this value no counterpart; add one to `values`",
        "owner_unmapped" => "no user of the other CRM has this owner's e-mail; assign or map one",
        "owner_inactive" => "the owner has left the other CRM; assign somebody who is there",
        "not_visible" => {
            "a CRM has no such field or hides it from the connection; correct `field_map.toml` or grant it"
        }
        "not_writable" => "the connection may not write this field; grant it or map another",
        "too_long" => "longer than the other side allows; shorten it or set `truncate = true`",
        "would_be_refused" => "the picklist would refuse this value; map it or add it there",
        "would_be_refused_inactive" => {
            "the picklist lists this value as retired; map it to a current one"
        }
        "would_be_accepted_silently" => {
            "the picklist would store this text without listing it; map it or add it there"
        }
        "required_field_empty" => {
            "the other side requires this field; fill it where the record lives"
        }
        "deleted_there" => {
            "was deleted in the other CRM; `concord release` lets it be created again"
        }
        "no_key_field" => {
            "the other CRM has no unique field for Concord's key; an admin must make it"
        }
        "no_link_field" => "the other CRM has no field for the link; an admin must make it",
        "undone" => {
            "an undo took it back; `concord release` lets it go, and so does another value at its source"
        }
        "contested" => {
            "an automation wrote another value over ours twice; switch it off there, then `concord release`"
        }
        "refused_there" => {
            "the CRM refused it before; it goes with another value, after a change there, `concord release` or a while: `select * from held_back`"
        }
        "native_connector_live" => {
            "the native connector is still at work; switch the field off there and list it under `native_connector.taken_over`"
        }
        "connector_property" => {
            "the native connector keeps this property for itself; map another one"
        }
        "on_hold" => "somebody put it on hold; `concord release` lets it go",
        "over_budget" => "the calls left for this run do not cover it; it goes another night",
        "converted_there" => {
            "was converted into a contact that this connection does not see; grant it"
        }
        "email_taken" => {
            "another record holds this e-mail address, which HubSpot keeps for one contact; merge or correct it"
        }
        "association_labelled" => {
            "the contact and the company share a label of your own, which our write would remove; make the company primary by hand"
        }
        "association_stays" => {
            "the contact had no company before, and no write takes one away; remove it by hand"
        }
        "contradicted_there" => {
            "evidence leads to a record there that is known as somebody else's; mend it, decide in data/seeds/identity_decisions.csv, or release"
        }
        "currency_unknown" => {
            "no code says in which currency the amount is; fill it, or name it in the field map"
        }
        "currency_differs" => {
            "the two sides keep the amount in different currencies; correct one of them"
        }
        "key_taken" => "a record there already carries this person's key; merge or release it",
        "not_in_lifecycle" => {
            "a stage that `lifecycle` does not list; add it or correct the record"
        }
        "same_image" => "the other side already holds what would be written",
        "compare_only" => "the field map only compares this field",
        "stale_observation" => "read before our own last write showed; judged again next time",
        "cleared_there" => "the owner cleared it, and `clear = false` leaves the other side alone",
        "blank_in_owner" => "the owner has no value to give",
        "on_create_only" => "written with the create only",
        "target_filled" => "written only where the other side is blank",
        "not_forward" => "the stage would not move forward",
        "lifecycle_back" => {
            "HubSpot moves a stage back only once it was cleared; clear it there by hand, then set it"
        }
        "before_unknown" => {
            "was there before the run under its key, and what it held is not on record; compare by hand"
        }
        "written_since" => "somebody wrote to the record since the run made it; remove it by hand",
        "converted_since" => "the lead was converted since; remove the contact by hand if need be",
        "attached" => {
            "activities, campaigns or deals hang on the record, or may; remove it by hand"
        }
        "changed_since" => "somebody changed it since the run; their value stays",
        "gone_since" => "the record was deleted or merged since; there is nothing to restore",
        "already_undone" => "holds again what it held before the run",
        "made_by_run" => {
            "the run made the record, or wrote this because it did; `--creates` removes both"
        }
        "not_primary" => {
            "a second record of one person, company or deal; only the primary is written"
        }
        _ => "see the reason code",
    }
}

/// An undo says first what it cannot take back.
fn write_lasting(text: &mut String, plan: &Plan) {
    let Some(undoes) = &plan.undoes else { return };
    let _ = writeln!(text, "undo of run {}", undoes.run);
    if !undoes.lasting.is_empty() {
        let _ = writeln!(text, "cannot be taken back");
    }
    for sentence in &undoes.lasting {
        let _ = writeln!(text, "  {sentence}");
    }
}

fn write_summary(text: &mut String, plan: &Plan) {
    let replaces = plan.parent.as_ref().map(|parent| format!("  replaces {parent}"));
    let _ =
        writeln!(text, "plan {}  digest {}{}", plan.id, plan.digest, replaces.unwrap_or_default());
    if plan.summary.is_empty() {
        let _ = writeln!(text, "  nothing to do");
    }
    for line in &plan.summary {
        let what = line.operation.as_str();
        let _ = writeln!(
            text,
            "  {what} {:>6}  {} {}  ({} fields{})",
            line.records,
            line.system,
            line.object,
            line.fields,
            if line.clears > 0 { format!(", {} cleared", line.clears) } else { String::new() },
        );
    }
}

fn write_examples(text: &mut String, plan: &Plan, actions: &[Action], n_examples: usize) {
    for line in &plan.summary {
        let of_line = actions.iter().filter(|action| {
            action.system == line.system
                && action.object == line.object
                && action.operation == line.operation
        });
        for action in of_line.take(n_examples) {
            let sign = match action.operation {
                WriteOperation::Create => "+",
                WriteOperation::Update | WriteOperation::Associate => "~",
                WriteOperation::Delete => "-",
            };
            let record = action.record_id.as_deref().unwrap_or("(new)");
            let _ = writeln!(text, "{sign} {} {record}  {}", action.object, action.golden_id);
            if action.operation == WriteOperation::Delete {
                continue;
            }
            for change in &action.changes {
                let after = match &change.after {
                    After::Value(value) => quote(Some(value)),
                    After::Clear => quote(None),
                    After::RecordIdOf(action) => format!("id of {action}"),
                };
                let _ = if action.operation == WriteOperation::Create {
                    writeln!(text, "    + {}  {after}", change.target_field)
                } else {
                    let before = quote(change.before.as_deref());
                    writeln!(
                        text,
                        "    ~ {}  {before} -> {after}  {}",
                        change.target_field, change.rule
                    )
                };
            }
        }
    }
}

fn write_held(text: &mut String, plan: &Plan, changes: &[Change], n_examples: usize) {
    if plan.held.is_empty() {
        return;
    }
    let _ = writeln!(text, "held back {}", plan.held.values().sum::<u64>());
    let mut by_reason: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.status == ChangeStatus::Held) {
        by_reason.entry(change.reason_code.as_deref().unwrap_or("")).or_default().push(change);
    }
    for (reason, held) in by_reason {
        let _ = writeln!(text, "  {:>6}  {reason}: {}", held.len(), sentence(reason));
        for change in held.iter().take(n_examples) {
            let record = change.target_id.as_deref().unwrap_or("(new)");
            let value = quote(change.after.as_deref());
            let _ = writeln!(
                text,
                "            {} {record}  {}  {} {value}",
                change.target_object, change.golden_id, change.field
            );
        }
    }
}

fn write_noops(text: &mut String, plan: &Plan) {
    if plan.noops.is_empty() {
        return;
    }
    let _ = writeln!(text, "left alone {}", plan.noops.values().sum::<u64>());
    for (reason, n) in &plan.noops {
        let _ = writeln!(text, "  {n:>6}  {reason}: {}", sentence(reason));
    }
}

fn write_price(text: &mut String, plan: &Plan) {
    for price in &plan.price {
        let left = match (price.daily_left, price.daily_max) {
            (Some(left), Some(max)) => format!(" of {left} left today (allowance {max})"),
            _ => String::new(),
        };
        let canary = match price.canary_calls {
            0 => String::new(),
            calls => format!(", {calls} for the canary"),
        };
        let jobs = match price.job_calls_max {
            0 => String::new(),
            most => format!(", at most {most} more for jobs"),
        };
        let _ = writeln!(
            text,
            "price {}  {} calls{left}: {} to write, {} to read again{canary}, {} fixed{jobs}; one record a call would be {}",
            price.system,
            price.total(),
            price.write_calls,
            price.reread_calls,
            price.fixed_calls,
            price.one_by_one_calls,
        );
    }
}

/// Shows by which API each group goes that had a choice and does not fit one batch call.
fn write_routes(text: &mut String, plan: &Plan) {
    for route in &plan.routes {
        let calls =
            |option: &RouteOption| format!("{} {} calls", option.api.as_str(), option.calls);
        let (chosen, others): (Vec<_>, Vec<_>) =
            route.options.iter().partition(|option| option.api == route.api);
        let per_call = route.system.write_shape(route.operation).records_per_call() as u64;
        let is_without_choice = others.is_empty() || route.options.iter().any(|o| o.calls == 0);
        if is_without_choice || route.records <= per_call {
            continue;
        }
        let list = |options: Vec<&RouteOption>| {
            options.into_iter().map(calls).collect::<Vec<_>>().join(", ")
        };
        let _ = writeln!(
            text,
            "route {} {} {}: {}, rather than {}",
            route.system,
            route.operation.as_str(),
            route.object,
            list(chosen),
            list(others),
        );
    }
}

fn write_guards(text: &mut String, plan: &Plan) {
    for guard in &plan.guards {
        let _ = writeln!(
            text,
            "guard {} {}: {} {} of {} live records, more than the share of {}",
            guard.system, guard.object, guard.records, guard.what, guard.live, guard.share_max,
        );
    }
}

/// Characters of a value that a line shows.
const VALUE_CHARS_MAX: usize = 60;

/// Shows a value on one line, quoted; null is `(blank)`.
pub fn quote(value: Option<&str>) -> String {
    let Some(value) = value else { return "(blank)".to_owned() };
    let shown: String = value.chars().take(VALUE_CHARS_MAX).collect();
    let dots = if shown.len() < value.len() { "…" } else { "" };
    format!("\"{}{dots}\"", shown.escape_debug())
}

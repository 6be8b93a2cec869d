//! The bridge and its people as plain aligned lines; a terminal may color them afterwards.

use std::fmt::Write;

use super::{Bridge, ExplainedRow};

/// Renders one bridge, a step a line: code, title, change, where the bridge stands.
pub fn bridge_text(bridge: &Bridge) -> String {
    let mut lines: Vec<[String; 4]> = Vec::new();
    let mut line = |code: &str, title: &str, change: String, running: String| {
        lines.push([code.to_owned(), title.to_owned(), change, running]);
    };
    if let Some(reported) = &bridge.reported_start {
        let title = format!("{}, as reported", bridge.start_label);
        line("", &title, String::new(), reported.n_rows.to_string());
        if reported.difference != 0 {
            let title = "difference of the dashboard to the agreed metric";
            line("", title, signed(-reported.difference), bridge.start.to_string());
        }
    }
    line("", &bridge.start_label, String::new(), bridge.start.to_string());
    let mut is_both_shown = false;
    for step in &bridge.steps {
        if !step.kind.is_exit() && !is_both_shown {
            line("", "counted by both", String::new(), bridge.both.to_string());
            is_both_shown = true;
        }
        let change = if step.kind.is_exit() { -step.n_rows } else { step.n_rows };
        line(&step.code, &step.title, signed(change), step.running.to_string());
    }
    if !is_both_shown {
        line("", "counted by both", String::new(), bridge.both.to_string());
    }
    line("", &bridge.end_label, String::new(), bridge.end.to_string());
    if let Some(reported) = &bridge.reported_end {
        if reported.difference != 0 {
            let title = "difference of the dashboard to the agreed metric";
            line("", title, signed(reported.difference), reported.n_rows.to_string());
        }
        let title = format!("{}, as reported", bridge.end_label);
        line("", &title, String::new(), reported.n_rows.to_string());
    }

    let heading = match &bridge.group {
        Some(group) => format!("{} {} · {group}", bridge.metric, bridge.period),
        None => format!("{} {}", bridge.metric, bridge.period),
    };
    let mut text = format!("{heading}\n");
    aligned(&mut text, &lines, [false, false, true, true]);
    text
}

/// Renders explained rows, three lines each: who and why, the evidence, the fix.
pub fn people_text(rows: &[ExplainedRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let grade = row.grade.as_deref().unwrap_or("-");
        let name = row.display_name.as_deref().unwrap_or(&row.golden_id);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} · {grade}  {name}: {}", row.code, row.sentence);
        let _ = write!(text, "    evidence: {}", row.evidence.join(", "));
        if !row.contributing.is_empty() {
            let _ = write!(text, "; also {}", row.contributing.join(", "));
        }
        let planned = if row.has_fix_in_plan { ", in the next plan" } else { "" };
        let _ = writeln!(text, "\n    fix: {} ({}{planned})", row.fix, row.fix_by);
    }
    text
}

fn signed(change: i64) -> String {
    if change > 0 { format!("+{change}") } else { change.to_string() }
}

/// Writes rows in columns as wide as their longest cell, right-aligned where asked.
fn aligned<const N: usize>(text: &mut String, rows: &[[String; N]], right: [bool; N]) {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let mut line = String::new();
        for ((cell, width), is_right) in row.iter().zip(widths).zip(right) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            if is_right {
                line.push_str(&padding);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&padding);
            }
        }
        let _ = writeln!(text, "  {}", line.trim_end());
    }
}

//! The bridge from Marketing's rows to Sales' rows, proven to add up.

use datafusion::logical_expr::{col, lit};
use datafusion::prelude::SessionContext;

use super::ReconcileError;
use super::table::{Table, required, text};

/// What a bridge is split by; each claim keeps its own value of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Source,
    Owner,
    Week,
}

impl Group {
    /// Names the group as the tables do.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Owner => "owner",
            Self::Week => "week",
        }
    }

    /// Finds the group of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Source, Self::Owner, Self::Week].into_iter().find(|group| group.name() == name)
    }
}

/// Which part of the bridge a step belongs to, in the order of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepKind {
    /// A further row of a person whom Marketing counts already.
    ExtraMarketing,
    /// A person whom only Marketing counts, or who is in another group for Sales.
    Exit,
    /// A person whom only Sales counts, or who is in another group for Marketing.
    Entry,
    /// A further row of a person whom Sales counts already.
    ExtraSales,
}

impl StepKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::ExtraMarketing => "extra_marketing",
            Self::Exit => "exit",
            Self::Entry => "entry",
            Self::ExtraSales => "extra_sales",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::ExtraMarketing, Self::Exit, Self::Entry, Self::ExtraSales]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    /// Tells whether the step takes rows away.
    pub fn is_exit(self) -> bool {
        matches!(self, Self::ExtraMarketing | Self::Exit)
    }
}

/// One reason and how many rows it explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub kind: StepKind,
    pub code: String,
    pub title: String,
    /// Never negative; `kind` tells the direction.
    pub n_rows: i64,
    /// Where the bridge stands after the step.
    pub running: i64,
}

/// What a dashboard shows, where the project states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    pub n_rows: i64,
    /// The dashboard's number minus that of our claim.
    pub difference: i64,
}

/// One bridge: for everyone, or for one value of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    pub metric: String,
    pub period: String,
    /// `None` for the bridge of everyone.
    pub group: Option<String>,
    pub start_label: String,
    pub start: i64,
    /// In the order of the bridge.
    pub steps: Vec<Step>,
    /// People on both sides, in the same group.
    pub both: i64,
    pub end_label: String,
    pub end: i64,
    pub reported_start: Option<Reported>,
    pub reported_end: Option<Reported>,
}

impl Bridge {
    /// Checks that start − exits = both and both + entries = end.
    ///
    /// # Errors
    /// [`ReconcileError::DoesNotAddUp`] or [`ReconcileError::BothDiffers`] with the numbers.
    pub fn verify(&self) -> Result<(), ReconcileError> {
        let sum = |is_exit: bool| -> i64 {
            self.steps
                .iter()
                .filter(|step| step.kind.is_exit() == is_exit)
                .map(|step| step.n_rows)
                .sum()
        };
        let (exits, entries) = (sum(true), sum(false));
        let group = self.group.clone().unwrap_or_else(|| "all".to_owned());
        if self.start - exits + entries != self.end {
            let (start, end) = (self.start, self.end);
            return Err(ReconcileError::DoesNotAddUp { group, start, exits, entries, end });
        }
        let expected = self.start - exits;
        if self.both != expected {
            return Err(ReconcileError::BothDiffers { group, both: self.both, expected });
        }
        Ok(())
    }

    /// Counts the rows that no test explains.
    pub fn n_unexplained(&self) -> i64 {
        self.steps
            .iter()
            .filter(|step| matches!(step.code.as_str(), "Z3" | "XZ"))
            .map(|step| step.n_rows)
            .sum()
    }
}

/// Reads the bridge of everyone, or one bridge for each value of the group, sorted by value.
///
/// # Errors
/// When `gap_bridge` cannot be read, or a bridge does not add up.
pub async fn bridge(
    ctx: &SessionContext,
    group: Option<Group>,
) -> Result<Vec<Bridge>, ReconcileError> {
    let kind = group.map_or("all", Group::name);
    let batches = ctx
        .table("gap_bridge")
        .await?
        .filter(col("group_kind").eq(lit(kind)))?
        .sort(vec![col("group_value").sort(true, false), col("step_order").sort(true, false)])?
        .collect()
        .await?;

    let mut drafts: Vec<Draft> = Vec::new();
    for batch in &batches {
        let table = Table::new(batch);
        let (metric, period) = (table.texts("metric")?, table.texts("period")?);
        let (value, step) = (table.texts("group_value")?, table.texts("step")?);
        let (code, title) = (table.texts("code")?, table.texts("title")?);
        let (n_rows, change) = (table.numbers("n_rows")?, table.numbers("change")?);
        let running = table.numbers("running")?;
        for row in 0..table.n_rows() {
            let value = required(&value, row, "group_value")?;
            if drafts.last().is_none_or(|draft| draft.value != value) {
                drafts.push(Draft {
                    value,
                    metric: required(&metric, row, "metric")?,
                    period: required(&period, row, "period")?,
                    ..Draft::default()
                });
            }
            let Some(draft) = drafts.last_mut() else { continue };
            let step = required(&step, row, "step")?;
            let title = text(&title, row).unwrap_or_default();
            let n_rows = n_rows.value(row);
            match step.as_str() {
                "start" => draft.start = Some((title, n_rows)),
                "both" => draft.both = Some(n_rows),
                "end" => draft.end = Some((title, n_rows)),
                // The change leads from the dashboard to the claim at the start, back at the end.
                "reported_start" => {
                    draft.reported_start =
                        Some(Reported { n_rows, difference: -change.value(row) });
                }
                "reported_end" => {
                    draft.reported_end = Some(Reported { n_rows, difference: change.value(row) });
                }
                name => draft.steps.push(Step {
                    kind: StepKind::parse(name)
                        .ok_or_else(|| ReconcileError::UnknownStep { step: name.to_owned() })?,
                    code: required(&code, row, "code")?,
                    title,
                    n_rows,
                    running: running.value(row),
                }),
            }
        }
    }
    drafts.into_iter().map(|draft| draft.finish(group)).collect()
}

#[derive(Default)]
struct Draft {
    value: String,
    metric: String,
    period: String,
    start: Option<(String, i64)>,
    steps: Vec<Step>,
    both: Option<i64>,
    end: Option<(String, i64)>,
    reported_start: Option<Reported>,
    reported_end: Option<Reported>,
}

impl Draft {
    fn finish(self, group: Option<Group>) -> Result<Bridge, ReconcileError> {
        let missing = |step| ReconcileError::StepMissing { step, group: self.value.clone() };
        let (start_label, start) = self.start.ok_or_else(|| missing("start"))?;
        let both = self.both.ok_or_else(|| missing("both"))?;
        let (end_label, end) = self.end.ok_or_else(|| missing("end"))?;
        let bridge = Bridge {
            metric: self.metric,
            period: self.period,
            group: group.map(|_| self.value),
            start_label,
            start,
            steps: self.steps,
            both,
            end_label,
            end,
            reported_start: self.reported_start,
            reported_end: self.reported_end,
        };
        bridge.verify()?;
        Ok(bridge)
    }
}

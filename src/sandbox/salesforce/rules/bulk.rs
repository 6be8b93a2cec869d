//! How bulk jobs run, and how chosen ones end.

use serde::{Deserialize, Serialize};

use super::super::bulk::Kind;
use super::Times;

/// Settings of bulk jobs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BulkRules {
    /// Looks at a running job until it is done; 0 counts as 1.
    pub polls_until_done: u32,
    /// Rows of a result page whose size the caller leaves open.
    pub result_page_rows: usize,
    /// Moments in results end in `Z`; without, they look as over REST.
    pub is_moment_in_zulu: bool,
    /// Numbers in results of seven digits and more look like `1.2E7`.
    pub is_number_scientific: bool,
    /// The first that fits a new job and has times left decides how it ends.
    pub endings: Vec<EndingRule>,
}

/// How some jobs end.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndingRule {
    /// Both kinds unless said.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Any object unless said.
    #[serde(default)]
    pub object: Option<String>,
    #[serde(default)]
    pub times: Times,
    pub ending: Ending,
}

/// What becomes of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ending {
    #[default]
    Complete,
    /// Fails after that many rows; what was saved until then stays saved.
    Failed { after_rows: u64, message: String },
    /// Somebody aborts it after that many rows.
    Aborted { after_rows: u64 },
    /// Stays in progress after that many rows until aborted.
    Hanging { after_rows: u64 },
    /// Says that it is complete and did nothing.
    NothingDone,
}

impl BulkRules {
    /// Decides how a new job is going to end.
    pub fn ending(&self, kind: Kind, object: &str) -> Ending {
        self.endings
            .iter()
            .find(|rule| {
                rule.kind.is_none_or(|own| own == kind)
                    && rule.object.as_deref().is_none_or(|own| own.eq_ignore_ascii_case(object))
                    && rule.times.take()
            })
            .map(|rule| rule.ending.clone())
            .unwrap_or_default()
    }
}

impl Ending {
    /// Returns how many rows the job gets to, of all it has.
    pub fn rows_reached(&self, n_rows: u64) -> u64 {
        match self {
            Self::Complete => n_rows,
            Self::Failed { after_rows, .. }
            | Self::Aborted { after_rows }
            | Self::Hanging { after_rows } => n_rows.min(*after_rows),
            Self::NothingDone => 0,
        }
    }
}

impl Default for BulkRules {
    fn default() -> Self {
        Self {
            polls_until_done: 1,
            result_page_rows: 100_000,
            is_moment_in_zulu: true,
            is_number_scientific: false,
            endings: Vec::new(),
        }
    }
}

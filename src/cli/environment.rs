//! Every environment variable that Concord reads, apart from those that a project names for its
//! secrets.

/// Directory of the project, as `--project`.
pub const PROJECT: &str = "CONCORD_PROJECT";

/// Address of the warehouse, as `--warehouse`.
pub const WAREHOUSE: &str = "CONCORD_WAREHOUSE";

/// Addresses of simulated CRMs that run already, HubSpot's and Salesforce's with a comma between:
/// `--sandbox` then works with those and starts none, in their time, which somebody else moves.
pub const SANDBOX: &str = "CONCORD_SANDBOX";

/// Faults that the CRMs started by `--sandbox` meet their calls with, as `sandbox serve --faults`.
pub const SANDBOX_FAULTS: &str = "CONCORD_SANDBOX_FAULTS";

/// What the log on standard error shows, in the words of `tracing`: `concord=debug`.
pub const LOG: &str = "CONCORD_LOG";

/// Any value switches color off (no-color.org); read by the terminal library.
pub const NO_COLOR: &str = "NO_COLOR";

/// Returns a variable's value; a blank one counts as not set.
#[expect(clippy::disallowed_methods, reason = "the one place of the command line that reads them")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

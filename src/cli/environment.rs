//! Every environment variable that Concord reads, apart from those that a project names for its
//! secrets.

use crate::config::SecretValue;

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

/// Variables by which the clouds' own tools know a warehouse's store: what begins with one of these
/// goes to the store of its kind. [`crate::warehouse::StoreOptions`] says what becomes of them.
pub const STORES: [&str; 4] = ["AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR_HOST"];

/// Any value switches color off (no-color.org); read by the terminal library.
pub const NO_COLOR: &str = "NO_COLOR";

/// Returns the variables of [`STORES`]; a blank one counts as not set.
pub fn variables_of_stores() -> Vec<(String, SecretValue)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, value)| {
            STORES.iter().any(|prefix| name.starts_with(prefix)) && !value.trim().is_empty()
        })
        .map(|(name, value)| (name, SecretValue::new(value)))
        .collect()
}

/// Returns a variable's value; a blank one counts as not set.
#[expect(clippy::disallowed_methods, reason = "the one place of the command line that reads them")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

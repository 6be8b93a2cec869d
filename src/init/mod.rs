//! A new project: its files, a field map drafted from both CRMs' metadata, and what an admin makes.
//!
//! [`draft()`] is pure: metadata in, the text of `field_map.toml` out. It proposes and never decides:
//! every field says why it is there and why that side owns it, what could not be matched stands in
//! comments, and nothing is written to a CRM while `access = "read"`.
//!
//! Without metadata the map holds the standard fields that every account has.

mod admin;
mod draft;
mod pairs;
mod values;

#[cfg(test)]
mod tests;

pub use admin::{AdminStep, admin_steps};
pub use draft::draft;

/// The project file of a new project, with `{name}` and `{period}` to fill in.
const PROJECT: &str = include_str!("concord.toml");

/// Address in a new project file that nobody has corrected yet.
pub const PLACEHOLDER_URL: &str = "https://your-domain.my.salesforce.com";

/// Seed tables that a company fills with its own words; the others it rarely touches.
pub const SEEDS: [(&str, &str); 6] = [
    ("own_domains.csv", "domain\n"),
    ("competitor_domains.csv", "domain\n"),
    ("import_lead_sources.csv", include_str!("../../data/seeds/import_lead_sources.csv")),
    ("lead_statuses.csv", include_str!("../../data/seeds/lead_statuses.csv")),
    ("lifecycle_stages.csv", include_str!("../../data/seeds/lifecycle_stages.csv")),
    ("source_groups.csv", include_str!("../../data/seeds/source_groups.csv")),
];

/// Writes `concord.toml` for a company, in the quarter of `today`.
pub fn project_file(name: &str, today: jiff::civil::Date) -> String {
    let quarter = (today.month() - 1) / 3 + 1;
    let name: String =
        name.chars().filter(|c| !c.is_control() && !['"', '\\'].contains(c)).collect();
    let name = if name.trim().is_empty() { "My company" } else { name.trim() };
    PROJECT.replace("{name}", name).replace("{period}", &format!("{}-Q{quarter}", today.year()))
}

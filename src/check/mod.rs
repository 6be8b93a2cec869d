//! Judges a project against the live metadata of both CRMs, so that what can be known to go wrong
//! is known before a run.
//!
//! [`judge()`] is pure: the project and the metadata come in as arguments, findings go out. What is
//! said here of a field is what the build would do with it: [`crate::golden`] holds back what is
//! called held back here, and the vendor refuses what is called refused.
//!
//! Left out on purpose: what no metadata tells, such as validation rules, triggers and what values
//! the records hold today. `rehearse` and `audit` look at those.

mod access;
mod creates;
mod finding;
mod flows;
mod people;
mod project;
mod rules;
mod types;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::config::Project;
use crate::crm::{Account, CrmKind};
use crate::schema::Schema;

use finding::Findings;

pub use finding::{Finding, Place, Severity};
pub use rules::judge_inclusion;
pub use types::{Shape, shape};

/// What both CRMs say of themselves; a CRM without a connection is absent.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    pub hubspot: Option<Side>,
    pub salesforce: Option<Side>,
}

/// What one CRM says of itself.
#[derive(Clone, Debug)]
pub struct Side {
    pub account: Account,
    pub schema: Schema,
    /// Objects that were asked for: what a pull reads.
    pub asked: Vec<String>,
}

impl Metadata {
    pub fn side(&self, kind: CrmKind) -> Option<&Side> {
        match kind {
            CrmKind::HubSpot => self.hubspot.as_ref(),
            CrmKind::Salesforce => self.salesforce.as_ref(),
        }
    }

    pub fn schema(&self, kind: CrmKind) -> Option<&Schema> {
        self.side(kind).map(|side| &side.schema)
    }
}

/// Judges everything but the inclusion rules; those take a session, see [`judge_inclusion`].
///
/// `models` names every model of the project. Errors come first, then warnings, then notes; within
/// each, in the order of the files.
pub fn judge(project: &Project, metadata: &Metadata, models: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Findings::default();
    project::judge(project, metadata, models, &mut findings);
    for entity in project.field_map.entities.iter().filter(|entity| entity.is_mapped) {
        access::judge(project, entity, metadata, &mut findings);
        creates::judge(project, entity, metadata, &mut findings);
        for field in &entity.fields {
            types::judge(entity, field, metadata, &mut findings);
            values::judge(entity, field, metadata, &mut findings);
            people::judge(entity, field, metadata, &mut findings);
        }
    }
    let mut findings = findings.finish();
    sort(&mut findings);
    findings
}

/// Puts the worst first, and findings of one weight in the order of the files.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|left, right| {
        let key = |f: &Finding| (f.severity, f.place.file != crate::config::PROJECT_FILE);
        key(left).cmp(&key(right)).then_with(|| left.place.line.cmp(&right.place.line))
    });
}

/// Returns a vendor's name as people write it.
pub fn vendor(kind: CrmKind) -> &'static str {
    match kind {
        CrmKind::HubSpot => "HubSpot",
        CrmKind::Salesforce => "Salesforce",
    }
}

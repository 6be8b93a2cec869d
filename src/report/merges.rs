//! The merge worklist as a page for whoever administers a CRM.

use serde::{Deserialize, Serialize};

use super::{ReportError, render};

/// Groups that one page shows; the others are told of.
const GROUPS_MAX: usize = 1000;

/// A row of `merge_worklist`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MergeRow {
    pub entity: String,
    pub golden_id: String,
    /// `hubspot` or `salesforce`.
    pub source_system: String,
    pub source_object: String,
    pub source_id: String,
    pub display_name: Option<String>,
    pub survivor_object: String,
    pub survivor_id: String,
    /// `survives`, `merge` or `convert`.
    pub proposal: String,
    pub is_primary: bool,
    pub only_here: Option<String>,
    pub different_here: Option<String>,
    pub n_counted_fewer: i64,
    pub counted_fewer_by: Option<String>,
    /// RFC 3339.
    pub made_at: Option<String>,
}

#[derive(Serialize)]
struct Page<'a> {
    project: &'a str,
    built_at: &'a str,
    n_groups: usize,
    n_records: usize,
    n_counted_fewer: i64,
    n_left_out: usize,
    groups: Vec<Group<'a>>,
}

#[derive(Serialize)]
struct Group<'a> {
    name: &'a str,
    crm: &'a str,
    entity: &'a str,
    golden_id: &'a str,
    records: &'a [MergeRow],
}

/// Writes the worklist as one HTML file; `rows` stand group by group, the survivor of each first.
///
/// # Errors
/// When the template is wrong.
pub fn merges_page(
    project: &str,
    built_at: &str,
    rows: &[MergeRow],
) -> Result<String, ReportError> {
    let groups: Vec<Group<'_>> = rows
        .chunk_by(|a, b| (&a.golden_id, &a.source_system) == (&b.golden_id, &b.source_system))
        .filter_map(|records| {
            let first = records.first()?;
            let name = records.iter().find_map(|record| record.display_name.as_deref());
            Some(Group {
                name: name.filter(|name| !name.is_empty()).unwrap_or("(no name)"),
                crm: if first.source_system == "hubspot" { "HubSpot" } else { "Salesforce" },
                entity: &first.entity,
                golden_id: &first.golden_id,
                records,
            })
        })
        .collect();
    let n_groups = groups.len();
    let page = Page {
        project,
        built_at,
        n_groups,
        n_records: rows.iter().filter(|row| row.proposal != "survives").count(),
        n_counted_fewer: rows.iter().map(|row| row.n_counted_fewer).sum(),
        n_left_out: n_groups.saturating_sub(GROUPS_MAX),
        groups: groups.into_iter().take(GROUPS_MAX).collect(),
    };
    render("merges.html", include_str!("merges.html"), &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(source_id: &str, proposal: &str, only_here: Option<&str>) -> MergeRow {
        MergeRow {
            entity: "person".to_owned(),
            golden_id: "p_1".to_owned(),
            source_system: "hubspot".to_owned(),
            source_object: "contacts".to_owned(),
            source_id: source_id.to_owned(),
            display_name: Some("<script>alert(1)</script>".to_owned()),
            survivor_object: "contacts".to_owned(),
            survivor_id: "1".to_owned(),
            proposal: proposal.to_owned(),
            is_primary: source_id == "1",
            only_here: only_here.map(str::to_owned),
            different_here: None,
            n_counted_fewer: i64::from(source_id == "2"),
            counted_fewer_by: Some("marketing".to_owned()),
            made_at: Some("2026-07-01T00:00:00Z".to_owned()),
        }
    }

    #[test]
    fn a_group_is_shown_whole_and_nobody_puts_a_script_into_it() {
        let rows = [row("1", "survives", None), row("2", "merge", Some("phone = <b>1</b>"))];
        let page = merges_page("Acme", "2026-10-01T10:00:00Z", &rows).expect("the page renders");
        for part in
            ["1 groups, 1 records", "contacts 1", "merge into", "1 fewer, marketing", "&lt;b&gt;"]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
        let page = merges_page("Acme", "2026-10-01T10:00:00Z", &[]).expect("the page renders");
        assert!(page.contains("Neither CRM keeps anything twice."), "{page}");
    }
}

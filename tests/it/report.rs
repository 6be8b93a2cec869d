//! Pages for people.

use concord::sandbox::company::CompanyOptions;

use crate::support::Company;

#[test]
fn the_field_map_is_a_page_with_the_vendors_labels_once_they_are_known() {
    let company = Company::new(&CompanyOptions::small(6));
    let before = company.good(&["report", "field-map", "--sandbox"]);
    assert!(before.stdout.contains("without the CRMs' labels"), "{}", before.stdout);
    company.good(&["pull", "--sandbox"]);
    let note = company.good(&["report", "field-map", "--sandbox", "--out", "map.html"]);
    assert!(note.stdout.is_empty() && note.stderr.contains("wrote `map.html`"), "{}", note.stderr);
    let page = std::fs::read_to_string(company.path("map.html")).expect("the page");
    for part in ["Lead source detail", "Mid-Market", "Nobody has signed this map yet."] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("http"), "nothing is fetched or run");
}

#[test]
fn the_merge_worklist_is_a_page() {
    let company = Company::new(&CompanyOptions::small(6));
    company.good(&["run", "--sandbox"]);
    let n_groups = company.count(
        "select count(*) from (select distinct golden_id, source_system from merge_worklist)",
    );
    assert!(n_groups > 0, "this company keeps nothing twice");
    let page = company.good(&["report", "merges", "--sandbox"]).stdout;
    for part in ["survives", "merge into", &format!("{n_groups} groups")] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

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

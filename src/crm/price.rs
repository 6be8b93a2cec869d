//! What each way to an object's records costs in API calls: the one place where it is said.
//!
//! N is the records of an object, k those changed since the previous snapshot, h the records whose
//! histories are asked for (N the first time, k afterwards), A the associated objects, m the members
//! of lists.
//!
//! | Way | Calls | Beside them |
//! |---|---|---|
//! | list | N/100, twice that where the properties do not fit into an address | associations inside; histories inside at N/50 the first time, h/50 more afterwards |
//! | list, of lists and their members | at most N/500 + N + m/100 | |
//! | export | 1 + 1 sample + 1 for what changed meanwhile + A·N/1000 + h/50 | polls; one of 30 exports in 24 h |
//! | changes (HubSpot) | k/200 + A·N/1000 + h/50 | |
//! | query | N/2000 pages, five of them a call | |
//! | bulk | 1 + 1 sample + N/50000 + a fifth of that | polls; one of 10,000 jobs in 24 h |
//! | changes (Salesforce) | k/2000 pages, five of them a call | |
//!
//! Fixed calls (account, limits, metadata, totals, polls) are counted apart. Everything here is
//! arithmetic over numbers that come in; prices of asynchronous ways and of lists are ceilings.
//!
//! Sources: the vendors' limits as read in November 2026. How many rows Salesforce puts into a
//! result page is its own choice; 50,000 is the least that clients report.

use super::hubspot::list_takes_two_calls;
use super::{Count, CrmKind, Extraction, Way};

/// HubSpot records of a list page.
pub const RECORDS_PER_LIST_PAGE: u64 = 100;

/// The same with whole histories inside, and of a read of histories alone.
pub const RECORDS_PER_HISTORY_PAGE: u64 = 50;

/// HubSpot lists of a page.
pub const LISTS_PER_PAGE: u64 = 500;

/// Members of a list in a page; the vendor's pages may hold more on some accounts.
pub const MEMBERS_PER_PAGE: u64 = 100;

/// HubSpot records of a search page.
pub const RECORDS_PER_SEARCH_PAGE: u64 = 200;

/// HubSpot records whose associations one call reads.
pub const ASSOCIATIONS_PER_READ: u64 = 1_000;

/// HubSpot exports that an account may start in any 24 hours.
pub const EXPORTS_PER_DAY: u64 = 30;

/// Salesforce rows of a query page.
pub const ROWS_PER_QUERY_PAGE: u64 = 2_000;

/// Salesforce query pages that travel in one composite request.
pub const PAGES_PER_COMPOSITE: u64 = 5;

/// Salesforce rows of a bulk result page.
pub const ROWS_PER_RESULT_PAGE: u64 = 50_000;

/// Result pages that one call names.
pub const RESULT_PAGES_PER_CALL: u64 = 5;

/// Calls by which an asynchronous way must be cheaper: its polls, and that it keeps a night waiting.
const ASYNCHRONOUS_HANDICAP: u64 = 10;

/// How much there is to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub there: Count,
    /// Changed since the previous snapshot; `None` where there is none to build upon.
    pub changed: Option<u64>,
}

/// What an extraction costs by one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Data calls. For pages that share calls with other extractions, as if it went alone.
    pub calls: u64,
    /// Query pages, which share calls with those of other extractions.
    pub shared_pages: u64,
    /// Most questions about an asynchronous job.
    pub polls_max: u64,
    /// Exports drawn from their own allowance.
    pub exports: u64,
}

impl Price {
    /// Returns what ways are compared by.
    pub fn weight(self) -> u64 {
        self.calls + if self.polls_max > 0 { ASYNCHRONOUS_HANDICAP } else { 0 }
    }
}

/// Returns what `extraction` costs by `way`.
pub fn price(kind: CrmKind, extraction: &Extraction, way: Way, size: Size) -> Price {
    let n = size.there.records;
    let k = size.changed.unwrap_or(n).min(n);
    let n_pairs = extraction.associations.len() as u64;
    let associations = n_pairs * n.div_ceil(ASSOCIATIONS_PER_READ);
    let has_histories = !extraction.history_fields.is_empty();
    let unknown = if extraction.known.is_some() { k } else { n };
    let histories = if has_histories { unknown.div_ceil(RECORDS_PER_HISTORY_PAGE) } else { 0 };
    let polled =
        |calls| Price { calls, polls_max: u64::from(super::poll::POLLS_MAX), ..Price::default() };
    match way {
        // The members of each list begin on a page of their own.
        Way::List if extraction.members_table().is_some() => {
            let lists = n.div_ceil(LISTS_PER_PAGE).max(1);
            let members = n + size.there.members / MEMBERS_PER_PAGE;
            Price { calls: lists + members, ..Price::default() }
        }
        Way::List => {
            let are_inside = has_histories && extraction.known.is_none();
            let per_page =
                if are_inside { RECORDS_PER_HISTORY_PAGE } else { RECORDS_PER_LIST_PAGE };
            let pages = n.div_ceil(per_page).max(1);
            let per_list = if list_takes_two_calls(extraction) { 2 } else { 1 };
            let more = if are_inside { 0 } else { histories };
            Price { calls: pages * per_list + more, ..Price::default() }
        }
        Way::Export => Price { exports: 1, ..polled(3 + associations + histories) },
        Way::Changes if kind == CrmKind::Salesforce => pages(k),
        Way::Changes => Price {
            calls: k.div_ceil(RECORDS_PER_SEARCH_PAGE).max(1) + associations + histories,
            ..Price::default()
        },
        Way::Query => pages(n),
        Way::Bulk => {
            let pages = n.div_ceil(ROWS_PER_RESULT_PAGE).max(1);
            polled(2 + pages + pages.div_ceil(RESULT_PAGES_PER_CALL))
        }
    }
}

fn pages(rows: u64) -> Price {
    let shared_pages = rows.div_ceil(ROWS_PER_QUERY_PAGE).max(1);
    Price { calls: shared_pages.div_ceil(PAGES_PER_COMPOSITE), shared_pages, ..Price::default() }
}

/// Adds prices up; pages that share calls fill them together.
pub fn total(prices: impl IntoIterator<Item = Price>) -> Price {
    let mut total = Price::default();
    for price in prices {
        total.polls_max += price.polls_max;
        total.exports += price.exports;
        if price.shared_pages == 0 {
            total.calls += price.calls;
        }
        total.shared_pages += price.shared_pages;
    }
    total.calls += total.shared_pages.div_ceil(PAGES_PER_COMPOSITE);
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::{ObjectRequest, Table};

    fn extraction(request: &ObjectRequest) -> Extraction {
        Extraction {
            name: request.object.clone(),
            object: request.object.clone(),
            tables: vec![Table {
                name: request.object.clone(),
                columns: vec!["hs_object_id".to_owned()],
                key: vec!["hs_object_id".to_owned()],
            }],
            types: vec!["number".to_owned()],
            is_archived: false,
            history_fields: request.history_fields.clone(),
            associations: request.associations.clone(),
            way: Way::List,
            modified_column: Some("lastmodifieddate".to_owned()),
            formulas: Vec::new(),
            merged_column: None,
            since: None,
            known: None,
        }
    }

    fn contacts(history_fields: &[&str]) -> Extraction {
        extraction(&ObjectRequest {
            object: "contacts".to_owned(),
            history_fields: history_fields.iter().map(|&field| field.to_owned()).collect(),
            associations: vec!["companies".to_owned()],
        })
    }

    #[test]
    fn a_million_contacts_cost_what_the_table_says() {
        let size = Size { there: Count::records(1_000_000), changed: None };
        let calls = |extraction: &Extraction, way, size| {
            price(CrmKind::HubSpot, extraction, way, size).calls
        };
        let plain = contacts(&[]);
        assert_eq!(calls(&plain, Way::List, size), 10_000);
        assert_eq!(calls(&plain, Way::Export, size), 1_003);
        let mut historic = contacts(&["lifecyclestage"]);
        assert_eq!(calls(&historic, Way::List, size), 20_000);
        assert_eq!(calls(&historic, Way::Export, size), 21_003);
        historic.known = Some(std::sync::Arc::default());
        let night = Size { there: Count::records(1_000_000), changed: Some(1_000) };
        assert_eq!(calls(&historic, Way::List, night), 10_020);
        assert_eq!(calls(&historic, Way::Export, night), 1_023);
        assert_eq!(calls(&historic, Way::Changes, night), 1_025);
    }

    #[test]
    fn every_list_costs_a_page_and_its_members_those_they_fill() {
        let table = |name: &str| Table {
            name: name.to_owned(),
            columns: vec!["list_id".to_owned()],
            key: vec!["list_id".to_owned()],
        };
        let request = ObjectRequest {
            object: "lists".to_owned(),
            history_fields: Vec::new(),
            associations: Vec::new(),
        };
        let tables = vec![table("lists"), table("list_memberships")];
        let lists = Extraction { tables, ..extraction(&request) };
        let calls = |records, members| {
            let size = Size { there: Count { records, members }, changed: None };
            price(CrmKind::HubSpot, &lists, Way::List, size).calls
        };
        assert_eq!(calls(0, 0), 1);
        assert_eq!(calls(3, 0), 1 + 3);
        assert_eq!(calls(501, 100_000), 2 + 501 + 1_000);
    }

    #[test]
    fn query_pages_of_many_objects_fill_calls_together() {
        let lead = contacts(&[]);
        let query = |records| {
            let size = Size { there: Count::records(records), changed: None };
            price(CrmKind::Salesforce, &lead, Way::Query, size)
        };
        assert_eq!(query(1_000_000).calls, 100);
        let bulk = price(
            CrmKind::Salesforce,
            &lead,
            Way::Bulk,
            Size { there: Count::records(1_000_000), changed: None },
        );
        assert_eq!((bulk.calls, bulk.polls_max > 0), (26, true));
        assert_eq!(total([query(0), query(1), query(2_001), query(10)]).calls, 1);
        assert_eq!(total([query(10_000), query(1), bulk]).calls, 2 + 26);
    }
}

//! Part of a plan: its first actions, a canary, and what a lost answer leaves behind.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use concord::sandbox::company::CompanyOptions;
use concord::sandbox::faults::{Fault, Kind};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::edits::{Edit, make};
use crate::support::{Company, Served};

#[test]
fn a_limited_plan_is_begun_and_the_rest_of_it_stays_owed() {
    let company = Company::new(&CompanyOptions::small(5));
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    company.good(&["plan", "--sandbox"]);
    let plan = company.query("select max(plan_id) as plan from ops.runs")[0]["plan"].clone();
    let planned = company.count("select count(distinct action_id) from plan.actions");
    let accepted = || {
        company.query(
            "select distinct action_id, operation from ops.outcomes where status = 'accepted' order by 1",
        )
    };

    let first = company.good(&["apply", "--sandbox", &plan, "--limit", "2"]);
    assert!(first.stderr.contains("left"), "{}", first.stderr);
    let creates = accepted().iter().filter(|row| row["operation"] == "create").count();
    assert_eq!(creates, 2, "the plan begins with creates");
    let torn = company.count(
        "select count(*) from plan.actions inner join ops.outcomes as made on plan.actions.depends_on = made.action_id \
         left join ops.outcomes as told on plan.actions.action_id = told.action_id where told.action_id is null",
    );
    assert_eq!(torn, 0, "HubSpot is told of every lead that was made");

    let n_first = accepted().len();
    company.good(&["apply", "--sandbox", "--resume", "--limit", "1"]);
    assert!(accepted().len() > n_first);
    assert_eq!(company.count("select count(*) from ops.runs where command = 'apply'"), 1);
    company.good(&["apply", "--sandbox", "--resume"]);
    assert_eq!(accepted().len() as u64, planned);
    let nothing = company.concord(&["apply", "--sandbox", "--resume"]);
    assert_eq!(nothing.code, 2, "{}", nothing.stderr);
    assert!(nothing.stderr.contains("no run left a plan"), "{}", nothing.stderr);
    let night = company.good(&["run", "--sandbox"]);
    assert!(night.stdout.contains("nothing to do"), "{}", night.stdout);
}

#[test]
fn what_a_limit_left_is_planned_by_the_next_night() {
    let company = Company::new(&CompanyOptions::small(5));
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    company.good(&["plan", "--sandbox"]);
    let plan = company.query("select max(plan_id) as plan from ops.runs")[0]["plan"].clone();
    let owed = company.count("select count(distinct action_id) from plan.actions");
    company.good(&["apply", "--sandbox", &plan, "--limit", "3"]);
    let done = company
        .count("select count(distinct action_id) from ops.outcomes where status = 'accepted'");
    company.good(&["run", "--sandbox"]);
    let night = company.count(
        "select count(distinct action_id) from ops.outcomes where run_id = (select max(run_id) from ops.runs)",
    );
    assert_eq!(done + night, owed);
}

#[test]
fn the_first_send_to_an_object_is_a_canary_that_an_automation_stops() {
    let served = Served::new(&CompanyOptions::small(5), with_flow);
    let (plan, digest) = served.plan();
    let n_planned: usize = served.query("select count(distinct action_id) as n from plan.actions")
        [0]["n"]
        .parse()
        .expect("a number");
    let apply = |further: &[&str]| {
        let arguments = ["apply", &plan, "--confirm", &digest, "--canary-wait", "0"];
        served.concord(&[&arguments, further].concat())
    };
    let stopped = apply(&[]);
    assert_eq!(stopped.code, 5, "{}{}", stopped.stdout, stopped.stderr);
    assert!(stopped.stdout.contains("Title  sent"), "{}", stopped.stdout);
    assert!(stopped.stdout.contains("holds \"Set by a flow\""), "{}", stopped.stdout);
    assert!(stopped.stderr.contains("concord undo"), "{}", stopped.stderr);
    let by_object = served
        .query("select object, count(distinct action_id) as n from ops.outcomes group by object");
    assert!(by_object.iter().any(|row| row["object"] == "Lead"), "{by_object:?}");

    let again = apply(&[]);
    assert_eq!(again.code, 5, "it is looked at again: {}", again.stderr);
    let through = apply(&["--past-canary"]);
    assert_eq!(through.code, 0, "{}{}", through.stdout, through.stderr);
    let sent = served.query("select count(distinct action_id) as n from ops.outcomes");
    assert_eq!(sent[0]["n"], n_planned.to_string());
}

#[test]
fn a_canary_that_holds_lets_the_rest_go() {
    let served = Served::new(&CompanyOptions::small(5), |router| router);
    let (plan, digest) = served.plan();
    let apply = served.good(&["apply", &plan, "--confirm", &digest, "--canary-wait", "0"]);
    assert!(apply.stderr.contains("records hold what they were sent"), "{}", apply.stderr);
    assert!(apply.stderr.contains(" 0 left;"), "{}", apply.stderr);
    // Once every object has been written, only the flag asks for one.
    let pairs = lead_pairs(&served);
    let edit = Edit::HubSpot { pair: 0, property: "jobtitle", value: "Head of Growth".to_owned() };
    make(&served.sandbox, &pairs, &[edit]);
    let (plan, digest) = served.plan();
    let apply = served.good(&["apply", &plan, "--confirm", &digest, "--canary-wait", "0"]);
    assert!(!apply.stderr.contains("canary"), "{}", apply.stderr);
}

#[test]
fn a_canary_is_in_the_price_of_the_plan() {
    let served = Served::new(&CompanyOptions::small(5), |router| router);
    let (plan, digest) = served.plan();
    let page = format!("warehouse/plans/{plan}/plan.json");
    let page = std::fs::read_to_string(served.company.path(&page)).expect("the plan is there");
    let page: Value = serde_json::from_str(&page).expect("JSON");
    served.good(&["apply", &plan, "--confirm", &digest, "--canary-wait", "0"]);
    for price in page["price"].as_array().expect("a price for each CRM") {
        let system = price["system"].as_str().expect("a name");
        let calls = |what: &str| price[what].as_u64().expect("a number");
        assert!(calls("canary_calls") > 0, "{price}");
        let priced = calls("write_calls") + calls("reread_calls") + calls("canary_calls");
        let spent = served.query(&format!(
            "select count(*) as n from ops.requests where stage = 'apply' and connection = '{system}' \
             and family not in ('token', 'account details', 'organization')",
        ));
        assert_eq!(spent[0]["n"], priced.to_string(), "{system}: {price}");
    }
}

#[test]
fn settling_a_lost_answer_keeps_what_was_seen_and_not_sent() {
    let served = Served::new(&CompanyOptions::small(5), |router| router);
    let (plan, digest) = served.plan();
    // One lead changes after the plan, and HubSpot's answer about the contacts is lost.
    let updates = served.query(
        "select object as salesforce_object, record_id as salesforce_id, target_field from plan.actions \
         where system = 'salesforce' and operation = 'update' order by record_id",
    );
    let pair = updates.iter().position(|row| row["target_field"] == "MQL_Date__c");
    let edit = Edit::Salesforce {
        pair: pair.unwrap_or_else(|| panic!("nothing to drift: {updates:?}")),
        field: "MQL_Date__c",
        value: "2020-01-01T00:00:00Z".to_owned(),
    };
    make(&served.sandbox, &updates, &[edit]);
    served.sandbox.faults().add(Fault {
        family: Some("objects.batch.update".to_owned()),
        ..Fault::next(Kind::BadGatewayAfter)
    });
    let apply = served.concord(&["apply", &plan, "--confirm", &digest, "--past-canary"]);
    assert_eq!(apply.code, 4, "{}{}", apply.stdout, apply.stderr);
    let by_status = || {
        served.query("select status, count(distinct action_id) as n from ops.outcomes group by status order by status")
    };
    let before = by_status();
    let of = |rows: &[crate::support::Row], status: &str| {
        let row = rows.iter().find(|row| row["status"] == status);
        row.map_or(0, |row| row["n"].parse::<u64>().expect("a number"))
    };
    assert_eq!(of(&before, "drift"), 1, "{before:?}");
    assert!(of(&before, "unknown") > 0, "{before:?}");
    assert_eq!(
        served.query("select status from ops.runs where command = 'apply'")[0]["status"],
        "rejected"
    );

    let night = served.good(&["run"]);
    assert!(night.stderr.contains("had not ended"), "{}", night.stderr);
    let after = by_status();
    assert_eq!(of(&after, "drift"), 1, "{after:?}");
    assert_eq!(of(&after, "unknown"), 0, "{after:?}");
    let accepted = of(&before, "accepted") + of(&before, "unknown");
    assert_eq!(of(&after, "accepted"), accepted, "{after:?}");
}

fn lead_pairs(served: &Served) -> Vec<crate::support::Row> {
    served.query(
        "select golden_id, hubspot_id, salesforce_object, salesforce_id from int_pairs \
         where entity = 'person' and hubspot_id is not null and salesforce_object = 'Lead' order by golden_id",
    )
}

/// An org in which a flow sets the title of every lead that is written to.
fn with_flow(org: Router) -> Router {
    let inner = org.clone();
    org.layer(from_fn(move |request: Request, next: Next| {
        let org = inner.clone();
        async move { answer(org, request, next).await }
    }))
}

async fn answer(org: Router, request: Request, next: Next) -> Response {
    let is_composite = request.uri().path().ends_with("/composite");
    let token = request.headers().get("authorization").cloned();
    let (mut parts, body) = request.into_parts();
    // The answer is read here.
    parts.headers.remove("accept-encoding");
    let sent = to_bytes(body, usize::MAX).await.expect("a body");
    let response = next.run(Request::from_parts(parts, Body::from(sent.clone()))).await;
    let (parts, body) = response.into_parts();
    let answered = to_bytes(body, usize::MAX).await.expect("a body");
    if let Some(token) = token.filter(|_| is_composite) {
        for lead in written_leads(&sent, &answered) {
            let flow = Request::patch(format!("/services/data/v68.0/sobjects/Lead/{lead}"))
                .header("authorization", token.clone())
                .header("content-type", "application/json")
                .body(Body::from(json!({ "Title": "Set by a flow" }).to_string()))
                .expect("a request");
            let set = org.clone().oneshot(flow).await.expect("an answer");
            assert!(set.status().is_success(), "{}", set.status());
        }
    }
    Response::from_parts(parts, Body::from(answered))
}

/// Lists the leads that a composite wrote, by its answer.
fn written_leads(sent: &Bytes, answered: &Bytes) -> Vec<String> {
    let is_write = serde_json::from_slice::<Value>(sent)
        .is_ok_and(|sent| sent["compositeRequest"][0]["method"] == "PATCH");
    let answered: Value = serde_json::from_slice(answered).unwrap_or_default();
    let parts = answered["compositeResponse"].as_array().cloned().unwrap_or_default();
    parts
        .iter()
        .filter(|_| is_write)
        .filter_map(|part| part["body"].as_array())
        .flatten()
        .filter_map(|row| row["id"].as_str())
        .filter(|id| id.starts_with("00Q"))
        .map(str::to_owned)
        .collect()
}

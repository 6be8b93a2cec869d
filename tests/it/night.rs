//! The main job on the demo company: the bridge from 412 to 280, the writes, and the quiet night after.

use concord::sandbox::company::CompanyOptions;

use crate::support::Company;

#[test]
fn the_demo_tells_its_story_once_and_then_has_nothing_left_to_do() {
    let company = Company::new(&CompanyOptions::demo());

    let first = company.good(&["run", "--sandbox"]);
    insta::assert_snapshot!("first_night", first.stdout);
    for stage in ["pull       hubspot", "pull       salesforce", "build", "plan", "apply"] {
        assert!(
            first.stderr.lines().any(|line| line.starts_with(stage)),
            "{stage}: {}",
            first.stderr
        );
    }
    let written = company
        .count("select count(distinct action_id) from ops.outcomes where status = 'accepted'");
    assert!(written > 0);

    let second = company.good(&["run", "--sandbox"]);
    assert!(second.stdout.contains("nothing to do"), "{}", second.stdout);
    assert!(second.stderr.contains("plan       0 actions"), "{}", second.stderr);
    assert!(!second.stderr.contains("apply"), "{}", second.stderr);
    let still = company
        .count("select count(distinct action_id) from ops.outcomes where status = 'accepted'");
    assert_eq!(written, still);
}

#[test]
fn every_stage_can_be_run_alone_and_again() {
    let company = Company::new(&CompanyOptions::small(3));
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let once = company.query("select * from crosswalk order by record_key");
    company.good(&["build", "--sandbox"]);
    assert_eq!(once, company.query("select * from crosswalk order by record_key"));
    let plan = company.concord(&["plan", "--sandbox", "--exit-code"]);
    assert_eq!(plan.code, 3, "{}", plan.stderr);
    let id = plan.stdout.split_whitespace().nth(1).expect("the plan's id").to_owned();
    company.good(&["apply", "--sandbox", &id]);
    let sent = company.count("select count(*) from ops.outcomes");
    // Carrying out the same plan again goes on where it ended: nothing is sent twice.
    company.good(&["apply", "--sandbox", &id]);
    assert_eq!(sent, company.count("select count(*) from ops.outcomes"));
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    assert_eq!(0, company.count("select count(*) from sync_changes where status = 'action'"));
}

#[test]
fn a_person_is_explained() {
    let company = Company::new(&CompanyOptions::demo());
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let gap =
        company.query("select golden_id, record_id from gap_reasons where code = 'T15' limit 1");
    let why = company.good(&["why", "--sandbox", &gap[0]["record_id"]]);
    for part in ["records", "golden record", "value_unmapped", "T15"] {
        assert!(why.stdout.contains(part), "{part}: {}", why.stdout);
    }
    let person = company.good(&["reconcile", "mql", "--sandbox", "--person", &gap[0]["golden_id"]]);
    assert!(person.stdout.contains("T15"), "{}", person.stdout);
    let audit = company.good(&["audit", "--sandbox"]);
    assert!(audit.stdout.contains("order of work"), "{}", audit.stdout);
}

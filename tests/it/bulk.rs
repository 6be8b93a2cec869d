//! Writes that go as jobs: the same end as by batches, whatever becomes of a job.

use concord::sandbox::company::CompanyOptions;

use crate::support::Company;

/// A company whose plan sends by jobs whatever a job can carry.
fn by_jobs() -> Company {
    let company = Company::new(&CompanyOptions::small(5));
    company.edit("concord.toml", "[apply]\n", "[apply]\nroute = \"bulk\"\n");
    company
}

#[test]
fn a_night_by_jobs_ends_as_one_by_batches() {
    let by_batches = Company::new(&CompanyOptions::small(5));
    by_batches.good(&["run", "--sandbox"]);
    by_batches.good(&["run", "--sandbox"]);

    let company = by_jobs();
    company.good(&["run", "--sandbox"]);
    let carried = company.count("select count(*) from plan.actions where api = 'bulk'");
    assert!(carried > 0, "some records go by a job");
    let states = "select count(*) from ops.requests where family = 'bulk ingest state'";
    assert!(company.count(states) > 0, "the job was asked about");
    let statuses = company.query("select distinct status from ops.outcomes");
    assert!(statuses.iter().all(|row| row["status"] != "unknown"), "{statuses:?}");
    company.good(&["run", "--sandbox"]);
    assert_eq!(company.count("select count(*) from plan.actions"), 0, "nothing is left to do");
    assert_eq!(golden(&company), golden(&by_batches));
}

/// What both CRMs hold of every person's fields, and how many records of each there are.
fn golden(company: &Company) -> Vec<crate::support::Row> {
    company.query(
        "select people.golden_id, people.display_name, provenance.field, provenance.winning_raw, \
             provenance.losing_raw, people.n_hubspot_records, people.n_salesforce_records \
         from people inner join provenance on people.golden_id = provenance.golden_id \
         order by people.golden_id, provenance.field",
    )
}

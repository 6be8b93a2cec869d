use jiff::tz::TimeZone;
use serde_json::json;

use super::super::errors::Fault;
use super::super::schema::Catalog;
use super::{Frame, Output, Plan, Shape, parse};

fn translate(
    catalog: &Catalog,
    text: &str,
    query: &super::ast::Query,
    is_deleted_included: bool,
) -> Result<Plan, Fault> {
    let now = "2026-10-01T10:00:00Z".parse().expect("a timestamp");
    let frame = Frame { catalog, now, zone: TimeZone::UTC, sharing: &[] };
    super::translate(&frame, text, query, is_deleted_included)
}

fn catalog() -> Catalog {
    let directory = tempfile::tempdir().expect("a directory");
    let lead = json!({"name": "Lead", "keyPrefix": "00Q", "fields": [
        {"name": "LastName", "type": "string", "length": 80, "nillable": false},
        {"name": "Name", "type": "string"},
        {"name": "Email", "type": "email"},
        {"name": "Score__c", "type": "double", "scale": 0},
        {"name": "Tags__c", "type": "multipicklist"},
        {"name": "IsConverted", "type": "boolean"},
        {"name": "Birth__c", "type": "date"},
        {"name": "Notes__c", "type": "textarea", "length": 32000},
        {"name": "OwnerId", "type": "reference", "referenceTo": ["Group", "User"]},
    ]});
    let user = json!({"name": "User", "keyPrefix": "005", "fields": [
        {"name": "Name", "type": "string"}, {"name": "IsActive", "type": "boolean"},
    ]});
    let group = json!({"name": "Group", "keyPrefix": "00G", "fields": [
        {"name": "Name", "type": "string"}, {"name": "Type", "type": "picklist"},
    ]});
    for (name, schema) in [("Lead", lead), ("User", user), ("Group", group)] {
        let path = directory.path().join(format!("{name}.json"));
        std::fs::write(path, schema.to_string()).expect("a file");
    }
    Catalog::read(directory.path()).expect("a catalog")
}

#[test]
fn translates_conditions() {
    let catalog = catalog();
    let table = [
        ("Email = 'a'", "t0.\"Email\" = ?1"),
        ("Email != 'a'", "t0.\"Email\" is not ?1"),
        ("email = null", "t0.\"Email\" is null"),
        ("Email <> NULL", "t0.\"Email\" is not null"),
        ("Email = ''", "t0.\"Email\" is null"),
        ("Email LIKE 'a%\\_b'", "t0.\"Email\" like ?1 escape '\\'"),
        ("Email in ('a','b')", "t0.\"Email\" in (?1, ?2)"),
        ("Email NOT IN ('a')", "(t0.\"Email\" not in (?1) or t0.\"Email\" is null)"),
        ("Score__c >= 10.5", "t0.\"Score__c\" >= ?1"),
        ("NOT (Score__c > 1)", "not coalesce(t0.\"Score__c\" > ?1, 0)"),
        (
            "IsConverted = true AND (Score__c < 1 OR Birth__c > 2026-01-01)",
            "(t0.\"IsConverted\" = ?1 and (t0.\"Score__c\" < ?2 or t0.\"Birth__c\" > ?3))",
        ),
        (
            "Tags__c EXCLUDES ('A;B')",
            "not coalesce((instr(';' || lower(t0.\"Tags__c\") || ';', ?1) > 0 and \
             instr(';' || lower(t0.\"Tags__c\") || ';', ?2) > 0), 0)",
        ),
        ("Birth__c = LAST_N_DAYS:7", "(t0.\"Birth__c\" >= ?1 and t0.\"Birth__c\" < ?2)"),
        ("SystemModstamp < TODAY", "t0.\"SystemModstamp\" < ?1"),
        ("CALENDAR_YEAR(Birth__c) = 2026", "cast(substr(t0.\"Birth__c\", 1, 4) as integer) = ?1"),
        (
            "Score__c = 1 AND OwnerId IN (SELECT Id FROM User WHERE IsActive = false)",
            "(t0.\"Score__c\" = ?1 and t0.\"OwnerId\" in (select t0.\"Id\" from \"User\" t0 where \
             t0.\"IsDeleted\" = 0 and t0.\"IsActive\" = ?2 and t0.\"Id\" is not null))",
        ),
        ("SystemModstamp > 2026-11-01T02:00:00+02:00", "t0.\"SystemModstamp\" > ?1"),
        ("Lead.Id = '00Q5500001QdQWa'", "t0.\"Id\" = ?1"),
    ];
    for (condition, sql) in table {
        let text = format!("SELECT Id FROM Lead WHERE {condition}");
        let plan = parse(&text)
            .and_then(|query| translate(&catalog, &text, &query, true))
            .unwrap_or_else(|fault| panic!("{condition}: {}", fault.message));
        assert_eq!(
            plan.sql,
            format!("select t0._row from \"Lead\" t0 where {sql} order by t0.\"Id\"")
        );
    }
}

#[test]
fn reads_parents_order_and_aggregates() {
    let catalog = catalog();
    let plan = |text: &str| {
        parse(text)
            .and_then(|query| translate(&catalog, text, &query, false))
            .unwrap_or_else(|fault| panic!("{text}: {}", fault.message))
    };
    let parents =
        plan("select id, owner.name, Owner.Type from lead l where l.Email != null limit 5");
    assert_eq!(parents.outputs.len(), 2, "both parent fields share one object");
    assert!(parents.row_sql.contains("left join \"Group\" t1_0"), "{}", parents.row_sql);
    let ordered = plan("SELECT Id FROM Lead ORDER BY SystemModstamp, Email DESC NULLS LAST, Id");
    assert!(
        ordered
            .sql
            .ends_with("order by t0.\"SystemModstamp\", t0.\"Email\" desc nulls last, t0.\"Id\""),
        "{}",
        ordered.sql
    );
    assert_eq!(plan("SELECT COUNT() FROM Lead").shape, Shape::Count);
    let grouped =
        plan("SELECT OwnerId, COUNT(Id) n, MAX(SystemModstamp) FROM Lead GROUP BY OwnerId");
    assert_eq!(grouped.shape, Shape::Aggregate);
    assert!(grouped.sql.contains("group by t0.\"OwnerId\""), "{}", grouped.sql);
    let by_year = plan(
        "SELECT CALENDAR_YEAR(Birth__c) y, COUNT(Id) FROM Lead GROUP BY calendar_year(birth__c) \
         HAVING COUNT(Id) > 1 AND AVG(Score__c) < 5 ORDER BY COUNT(Id) DESC LIMIT 3",
    );
    assert!(
        by_year.sql.contains("having (count(t0.\"Id\") > ?1 and avg(t0.\"Score__c\") < ?2)"),
        "{}",
        by_year.sql
    );
    let names: Vec<&str> = by_year
        .outputs
        .iter()
        .map(|output| match output {
            Output::Field { name, .. } => name.as_str(),
            _ => panic!("aggregates are fields"),
        })
        .collect();
    assert_eq!(names, ["y", "expr0"]);
    plan(
        "SELECT Id FROM Lead USING SCOPE mine WHERE Score__c > 1 WITH SECURITY_ENFORCED FOR UPDATE",
    );
}

#[test]
fn refuses_with_the_place() {
    let catalog = catalog();
    let table = [
        (
            "SELECT Bacon__c FROM Lead",
            "INVALID_FIELD",
            "       ^\nERROR at Row:1:Column:8\nNo such column 'Bacon__c' on entity 'Lead'.",
        ),
        (
            "SELECT Id FROM Bacon__c",
            "INVALID_TYPE",
            "               ^\nERROR at Row:1:Column:16\nsObject type 'Bacon__c' is not supported.",
        ),
        (
            "SELECT FROM Lead",
            "MALFORMED_QUERY",
            "       ^\nERROR at Row:1:Column:8\nunexpected token: 'FROM'",
        ),
        ("SELECT Id FROM Lead WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Lead WHERE Email = 'a", "MALFORMED_QUERY", "unterminated"),
        (
            "SELECT Id FROM Lead WHERE IsConverted = true OR Email = 'a' AND Score__c = 1",
            "MALFORMED_QUERY",
            "unexpected token: 'AND'",
        ),
        (
            "SELECT Id FROM Lead WHERE Email = 5",
            "INVALID_FIELD",
            "must be of type string and should be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Lead WHERE Score__c = '5'",
            "INVALID_FIELD",
            "must be of type double and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Lead WHERE Notes__c = 'a'",
            "INVALID_FIELD",
            "can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Lead WHERE Id = 'abc'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid ID field: abc",
        ),
        (
            "SELECT Id, Boss.Name FROM Lead",
            "INVALID_FIELD",
            "Didn't understand relationship 'Boss'",
        ),
        ("SELECT Id, Id FROM Lead", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM Lead OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        (
            "SELECT Email, COUNT(Id) FROM Lead",
            "MALFORMED_QUERY",
            "must be grouped or aggregated: Email",
        ),
        (
            "SELECT Id, (SELECT Id FROM Friends) FROM Lead",
            "INVALID_TYPE",
            "Didn't understand relationship 'Friends' in FROM part of query call",
        ),
        ("SELECT Id FROM Lead WHERE Email = TODAY", "INVALID_FIELD", "is no date"),
        ("SELECT Id FROM Lead HAVING COUNT(Id) > 1", "MALFORMED_QUERY", "having clause"),
    ];
    for (text, code, message) in table {
        let fault =
            parse(text).and_then(|query| translate(&catalog, text, &query, false)).expect_err(text);
        assert_eq!(fault.code, code, "{text}: {}", fault.message);
        assert!(fault.message.contains(message), "{text}: {}", fault.message);
    }
}

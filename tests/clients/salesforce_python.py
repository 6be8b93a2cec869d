"""simple-salesforce at work against an org: salesforce_python.py ADDRESS CLIENT_ID CLIENT_SECRET.

Ends with a traceback where the org answers otherwise than the client or its caller expects.
"""

import csv
import datetime
import io
import sys

import requests
import simple_salesforce
from requests.adapters import HTTPAdapter
from simple_salesforce import exceptions

ADDRESS, CLIENT_ID, CLIENT_SECRET = sys.argv[1:]
VERSION = "68.0"


class Loopback(HTTPAdapter):
    """Sends to the org what the client, which knows HTTPS alone, has for any server."""

    def send(self, request, **options):
        request.url = ADDRESS + request.path_url
        return super().send(request, **options)


def connect(**credentials):
    session = requests.Session()
    session.mount("https://", Loopback())
    return simple_salesforce.Salesforce(version=VERSION, session=session, **credentials)


def same(what, seen, expected):
    if seen != expected:
        raise AssertionError(f"{what}: {seen!r} instead of {expected!r}")


def refused(what, error, code, call):
    try:
        call()
    except error as caught:
        same(f"code of {what}", caught.content[0]["errorCode"], code)
        return caught.content[0]
    raise AssertionError(f"{what} was not refused")


def lead(name, **more):
    return {
        "LastName": name,
        "Company": "Analytical",
        "Email": f"{name.lower()}@simple.example",
        **more,
    }


def names(sf, condition):
    rows = sf.query_all(f"SELECT LastName FROM Lead WHERE {condition} ORDER BY LastName")["records"]
    return [row["LastName"] for row in rows]


def descriptions(sf):
    objects = {one["name"]: one for one in sf.describe()["sobjects"]}
    same("leads can be created", objects["Lead"]["createable"], True)
    fields = {field["name"]: field for field in sf.Lead.describe()["fields"]}
    same("an external id", fields["Concord_Key__c"]["externalId"], True)
    same("a type", fields["Status"]["type"], "picklist")
    same("statuses", len(fields["Status"]["picklistValues"]) > 1, True)
    same("the object", sf.Lead.metadata()["objectDescribe"]["keyPrefix"], "00Q")
    same("calls are limited", sf.limits()["DailyApiRequests"]["Max"] > 0, True)
    refused(
        "an unknown object",
        exceptions.SalesforceResourceNotFound,
        "NOT_FOUND",
        lambda: sf.Nothing__c.describe(),
    )


def single_records(sf):
    made = sf.Lead.create(lead("Noether", Phone="+49 9131 1"))
    same("created", (made["success"], made["errors"], made["id"][:3]), (True, [], "00Q"))
    id = made["id"]
    same("updated", sf.Lead.update(id, {"Title": "Professor", "Phone": None}), 204)
    read = sf.Lead.get(id)
    same("values", (read["LastName"], read["Title"], read["Phone"]), ("Noether", "Professor", None))

    same("upserted new", sf.Lead.upsert("Concord_Key__c/simple-1", lead("Germain")), 201)
    same("upserted again", sf.Lead.upsert("Concord_Key__c/simple-1", {"Title": "Élève"}), 200)
    germain = sf.Lead.get_by_custom_id("Concord_Key__c", "simple-1")
    same("by external id", (germain["LastName"], germain["Title"]), ("Germain", "Élève"))

    refused(
        "a lead without a name",
        exceptions.SalesforceMalformedRequest,
        "REQUIRED_FIELD_MISSING",
        lambda: sf.Lead.create({"Company": "None"}),
    )
    refused(
        "an unknown field",
        exceptions.SalesforceMalformedRequest,
        "INVALID_FIELD",
        lambda: sf.Lead.create(lead("Odd", Nope__c="x")),
    )
    refused(
        "a key twice",
        exceptions.SalesforceMalformedRequest,
        "DUPLICATE_VALUE",
        lambda: sf.Lead.update(id, {"Concord_Key__c": "simple-1"}),
    )
    same("deleted", sf.Lead.delete(id), 204)
    refused(
        "what is deleted",
        exceptions.SalesforceResourceNotFound,
        "ENTITY_IS_DELETED",
        lambda: sf.Lead.delete(id),
    )
    refused(
        "reading what is deleted",
        exceptions.SalesforceResourceNotFound,
        "ENTITY_IS_DELETED",
        lambda: sf.Lead.get(id),
    )
    same(
        "in the bin",
        sf.query(f"SELECT IsDeleted FROM Lead WHERE Id = '{id}'", include_deleted=True)["records"][
            0
        ]["IsDeleted"],
        True,
    )
    return germain["Id"], id


def changes(sf, kept, deleted):
    stamp = datetime.datetime.strptime(
        sf.Lead.get(kept)["SystemModstamp"], "%Y-%m-%dT%H:%M:%S.%f%z"
    )
    hour = datetime.timedelta(hours=1)
    same("among the updated", kept in sf.Lead.updated(stamp - hour, stamp + hour)["ids"], True)
    gone = sf.Lead.deleted(stamp - hour, stamp + hour)["deletedRecords"]
    same("among the deleted", deleted in {row["id"] for row in gone}, True)
    same("before", sf.Lead.deleted(stamp - 2 * hour, stamp - hour)["deletedRecords"], [])
    same("found", [row["Id"] for row in sf.quick_search("Germain")["searchRecords"]], [kept])


def queries(sf):
    total = sf.query("SELECT COUNT() FROM Lead")["totalSize"]
    rows = list(sf.query_all_iter("SELECT Id, LastName, Owner.Name FROM Lead"))
    same("rows of all pages", len({row["Id"] for row in rows}), total)
    same("a parent that is a user or a queue", rows[0]["Owner"]["attributes"]["type"], "Name")
    stages = sf.query("SELECT StageName, COUNT(Id) n FROM Opportunity GROUP BY StageName")[
        "records"
    ]
    same(
        "grouped",
        sum(row["n"] for row in stages),
        sf.query("SELECT COUNT() FROM Opportunity")["totalSize"],
    )
    question = simple_salesforce.format_soql(
        "SELECT Id FROM Lead WHERE LastName = {}", "O'Neil \\ co"
    )
    same("a quoted value", sf.query(question)["totalSize"], 0)
    refused(
        "a query that is none",
        exceptions.SalesforceMalformedRequest,
        "MALFORMED_QUERY",
        lambda: sf.query("SELECT FROM Lead"),
    )
    refused(
        "an unknown column",
        exceptions.SalesforceMalformedRequest,
        "INVALID_FIELD",
        lambda: sf.query("SELECT Nope__c FROM Lead"),
    )
    refused(
        "an unknown table",
        exceptions.SalesforceMalformedRequest,
        "INVALID_TYPE",
        lambda: sf.query("SELECT Id FROM Nope__c"),
    )


def collections(sf):
    rows = [{"attributes": {"type": "Lead"}, **lead(f"Many{number}")} for number in range(5)]
    rows.append({"attributes": {"type": "Lead"}, "LastName": "Nowhere"})
    results = sf.restful(
        "composite/sobjects", method="POST", json={"allOrNone": False, "records": rows}
    )
    same("created together", [one["success"] for one in results], [True] * 5 + [False])
    same("why not", results[5]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING")
    ids = [one["id"] for one in results[:5]]
    titled = [{"attributes": {"type": "Lead"}, "id": id, "Title": "Many"} for id in ids]
    sf.restful("composite/sobjects", method="PATCH", json={"allOrNone": True, "records": titled})
    same("updated together", names(sf, "Title = 'Many'"), [f"Many{number}" for number in range(5)])
    gone = sf.restful(
        "composite/sobjects", params={"ids": ",".join(ids), "allOrNone": "true"}, method="DELETE"
    )
    same("deleted together", [one["success"] for one in gone], [True] * 5)


def bulk(sf):
    rows = [
        lead(
            f"Bulk{number:03}", Concord_Key__c=f"bulk-{number}", Description='a "quoted"\nline, two'
        )
        for number in range(250)
    ]
    rows[7]["Status"] = "Bulk" * 100
    jobs = sf.bulk2.Lead.insert(records=rows, batch_size=200, wait=1)
    same(
        "inserted",
        [(job["numberRecordsProcessed"], job["numberRecordsFailed"]) for job in jobs],
        [(200, 1), (50, 0)],
    )
    failed = list(csv.DictReader(io.StringIO(sf.bulk2.Lead.get_failed_records(jobs[0]["job_id"]))))
    same("failed", [row["LastName"] for row in failed], ["Bulk007"])
    done = list(
        csv.DictReader(io.StringIO(sf.bulk2.Lead.get_successful_records(jobs[1]["job_id"])))
    )
    same("successful", {row["sf__Created"] for row in done}, {"true"})

    question = (
        "SELECT Id, LastName, Description, Title FROM Lead WHERE Concord_Key__c LIKE 'bulk-%'"
    )
    pages = list(sf.bulk2.Lead.query(question, max_records=100))
    found = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    same("rows of all pages", (len(pages), len(found)), (3, 249))
    same("text", {row["Description"] for row in found}, {'a "quoted"\nline, two'})

    by_200 = {"Sforce-Query-Options": "batchSize=200"}
    first = sf.query("SELECT Id FROM Lead WHERE Concord_Key__c LIKE 'bulk-%'", headers=by_200)
    same(
        "the first page",
        (first["done"], first["totalSize"], len(first["records"])),
        (False, 249, 200),
    )
    second = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    same("the second page", (second["done"], len(second["records"])), (True, 49))

    again = [
        {
            "Concord_Key__c": f"bulk-{number}",
            "LastName": f"Bulk{number:03}",
            "Company": "Analytical",
            "Title": "Again",
        }
        for number in (0, 7)
    ]
    (job,) = sf.bulk2.Lead.upsert(records=again, external_id_field="Concord_Key__c", wait=1)
    created = list(csv.DictReader(io.StringIO(sf.bulk2.Lead.get_successful_records(job["job_id"]))))
    same(
        "created by upsert",
        {row["Concord_Key__c"]: row["sf__Created"] for row in created},
        {"bulk-0": "false", "bulk-7": "true"},
    )
    (job,) = sf.bulk2.Lead.update(
        records=[{"Id": row["Id"], "Title": "Bulk"} for row in found], wait=1
    )
    same("updated", (job["numberRecordsProcessed"], job["numberRecordsFailed"]), (249, 0))
    ids = [
        {"Id": row["Id"]}
        for row in sf.query_all("SELECT Id FROM Lead WHERE Concord_Key__c LIKE 'bulk-%'")["records"]
    ]
    (job,) = sf.bulk2.Lead.delete(records=ids, wait=1)
    same("deleted", (job["numberRecordsProcessed"], job["numberRecordsFailed"]), (250, 0))
    same("left", names(sf, "Concord_Key__c LIKE 'bulk-%'"), [])


def strangers():
    stranger = connect(instance_url="https://org.example", session_id="00D!nobody")
    refused(
        "a stranger",
        exceptions.SalesforceExpiredSession,
        "INVALID_SESSION_ID",
        lambda: stranger.query("SELECT Id FROM Lead"),
    )
    try:
        connect(consumer_key=CLIENT_ID, consumer_secret="wrong", domain="org.my")
    except exceptions.SalesforceAuthenticationFailed as caught:
        same("code of a wrong secret", caught.code, "invalid_client")
    else:
        raise AssertionError("a wrong secret was not refused")


org = connect(consumer_key=CLIENT_ID, consumer_secret=CLIENT_SECRET, domain="org.my")
descriptions(org)
kept, deleted = single_records(org)
changes(org, kept, deleted)
queries(org)
collections(org)
bulk(org)
strangers()

"""Reads every contact and every lead by each way there is and prints records a second."""

import http.client
import json
import re
import sys
import time
from urllib.parse import quote, urlencode, urlsplit

CONTACT = (
    "email firstname lastname phone company jobtitle country city state zip lifecyclestage "
    "hs_lead_status hubspot_owner_id lead_source_detail lead_score segment utm_source utm_medium "
    "utm_campaign salesforceleadid salesforcecontactid concord_key createdate lastmodifieddate"
).split()
LEAD = (
    "Id,IsDeleted,MasterRecordId,FirstName,LastName,Company,Title,Email,Phone,City,State,Country,"
    "Status,LeadSource,Industry,OwnerId,IsConverted,ConvertedContactId,MQL_Date__c,"
    "Lifecycle_Stage__c,Segment__c,Lead_Score__c,HubSpot_Id__c,CreatedDate,LastModifiedDate,"
    "SystemModstamp"
)
API = "/services/data/v67.0"


class Client:
    def __init__(self, address):
        self.host = urlsplit(address)
        self.connection = http.client.HTTPConnection(self.host.hostname, self.host.port)
        self.headers = {}

    def send(self, method, path, body=None, kind="application/json"):
        headers = dict(self.headers)
        if body is not None:
            headers["content-type"] = kind
            body = body if isinstance(body, str) else json.dumps(body)
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {content[:300]}")
        return answer, content

    def json(self, method, path, body=None, kind="application/json"):
        return json.loads(self.send(method, path, body, kind)[1])


def timed(name, read):
    started = time.monotonic()
    records = read()
    seconds = time.monotonic() - started
    print(f"{name}: {records} records in {seconds:.1f} s, {records / seconds:,.0f} a second", flush=True)


def list_pages(client, extra=""):
    """A hundred a page, or the fifty that HubSpot gives where histories are asked for."""
    limit = 50 if extra else 100
    after, records = 0, 0
    properties = ",".join(CONTACT)
    while True:
        path = f"/crm/v3/objects/contacts?limit={limit}&properties={properties}{extra}&after={after}"
        content = client.send("GET", path)[1]
        records += content.count(b'"createdAt"')
        link = re.search(rb'"paging":\{"next":\{"after":"(\d+)"', content)
        if not link:
            return records
        after = int(link.group(1))


def export(client):
    task = client.json("POST", "/crm/v3/exports/export/async", {
        "exportType": "VIEW",
        "exportName": "bench",
        "format": "CSV",
        "language": "EN",
        "objectType": "CONTACT",
        "objectProperties": CONTACT,
        "exportInternalValuesOptions": ["NAMES", "VALUES"],
    })["id"]
    status = {}
    while status.get("status") != "COMPLETE":
        status = client.json("GET", f"/crm/v3/exports/export/async/tasks/{task}/status")
    address = urlsplit(status["result"])
    client.send("GET", f"{address.path}?{address.query}")
    return client.json("GET", f"/crm/exports/2026-09/export/{task}")["recordCount"]


def query(client):
    """Pages of 2,000, five to a composite call."""
    first = client.json("GET", f"{API}/queryAll?q={quote(f'SELECT {LEAD} FROM Lead')}")
    total = first["totalSize"]
    if "nextRecordsUrl" not in first:
        return total
    cursor, offset = first["nextRecordsUrl"].rsplit("-", 1)
    places = range(int(offset), total, 2000)
    for start in range(0, len(places), 5):
        client.send("POST", f"{API}/composite", {
            "allOrNone": False,
            "compositeRequest": [
                {"method": "GET", "url": f"{cursor}-{place}", "referenceId": f"page{place}"}
                for place in places[start : start + 5]
            ],
        })
    return total


def bulk(client):
    job = client.json("POST", f"{API}/jobs/query", {
        "operation": "queryAll",
        "query": f"SELECT {LEAD} FROM Lead",
    })["id"]
    state = {}
    while state.get("state") != "JobComplete":
        state = client.json("GET", f"{API}/jobs/query/{job}")
    locator, records = "", 0
    while locator != "null":
        path = f"{API}/jobs/query/{job}/results?maxRecords=50000"
        answer, _ = client.send("GET", path + (f"&locator={locator}" if locator else ""))
        records += int(answer.headers["Sforce-NumberOfRecords"])
        locator = answer.headers["Sforce-Locator"]
    return records


def main():
    addresses = dict(line.split() for line in open(sys.argv[1]))
    world = open(sys.argv[2]).read()
    secret = lambda name: re.search(rf'^{name} = "(.*)"', world, re.M).group(1)
    hubspot, salesforce = Client(addresses["hubspot"]), Client(addresses["salesforce"])
    hubspot.headers["authorization"] = f"Bearer {secret('token')}"
    granted = salesforce.json("POST", "/services/oauth2/token", urlencode({
        "grant_type": "client_credentials",
        "client_id": secret("client_id"),
        "client_secret": secret("client_secret"),
    }), "application/x-www-form-urlencoded")
    salesforce.headers["authorization"] = f"Bearer {granted['access_token']}"
    timed("contacts, pages of 100", lambda: list_pages(hubspot))
    timed(
        "contacts, pages of 50 with stage histories",
        lambda: list_pages(hubspot, "&propertiesWithHistory=lifecyclestage"),
    )
    timed("contacts, one export", lambda: export(hubspot))
    timed("leads, query pages of 2,000, five a call", lambda: query(salesforce))
    timed("leads, one bulk query", lambda: bulk(salesforce))


main()

"""HubSpot's own Python client at work against a portal: hubspot_python.py ADDRESS TOKEN.

Ends with a traceback where the portal answers otherwise than the client or its caller expects.
"""

import csv
import io
import json
import os
import sys
import tempfile
import time
import urllib.request

import hubspot
from hubspot.crm import contacts, deals, exports, lists, pipelines, properties
from hubspot.crm.associations import v4

ADDRESS, TOKEN = sys.argv[1:]
crm = hubspot.Client.create(access_token=TOKEN, host=ADDRESS).crm
DOMAIN = "python.example"


def same(what, seen, expected):
    if seen != expected:
        raise AssertionError(f"{what}: {seen!r} instead of {expected!r}")


def refused(what, error, status, call):
    try:
        call()
    except error as caught:
        same(f"status of {what}", caught.status, status)
        return json.loads(caught.body)
    raise AssertionError(f"{what} was not refused")


def within(what, look, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not end")


def new_contact(name, **more):
    values = {"email": f"{name}@{DOMAIN}", "firstname": name, **more}
    return contacts.SimplePublicObjectInputForCreate(properties=values)


def single_records():
    basic = crm.contacts.basic_api
    ada = basic.create(new_contact("ada", phone="+1 555 0100"))
    same("created email", ada.properties["email"], f"ada@{DOMAIN}")
    clash = refused(
        "a second ada", contacts.ApiException, 409, lambda: basic.create(new_contact("ada"))
    )
    same("category of a clash", clash["category"], "CONFLICT")

    change = contacts.SimplePublicObjectInput(properties={"lastname": "Lovelace"})
    basic.update(ada.id, change)
    basic.update(
        f"ada@{DOMAIN}",
        contacts.SimplePublicObjectInput(properties={"jobtitle": "Countess"}),
        id_property="email",
    )
    read = basic.get_by_id(
        ada.id, properties=["lastname", "jobtitle"], properties_with_history=["lastname"]
    )
    same(
        "updated values",
        (read.properties["lastname"], read.properties["jobtitle"]),
        ("Lovelace", "Countess"),
    )
    same(
        "history",
        [version.value for version in read.properties_with_history["lastname"]],
        ["Lovelace"],
    )
    same("read by email", basic.get_by_id(f"ada@{DOMAIN}", id_property="email").id, ada.id)

    bad = contacts.SimplePublicObjectInput(properties={"no_such_property": "x"})
    answer = refused(
        "an unknown property", contacts.ApiException, 400, lambda: basic.update(ada.id, bad)
    )
    same("category of an unknown property", answer["category"], "VALIDATION_ERROR")

    basic.archive(ada.id)
    refused("an archived contact", contacts.ApiException, 404, lambda: basic.get_by_id(ada.id))
    same("archived", basic.get_by_id(ada.id, archived=True).archived, True)
    page = basic.get_page(archived=True, limit=100).results
    same("a page of archived ones", {record.archived for record in page}, {True})


def merged():
    basic = crm.contacts.basic_api
    kept, lost = (basic.create(new_contact(name)) for name in ("kept", "lost"))
    merge = contacts.PublicMergeInput(primary_object_id=kept.id, object_id_to_merge=lost.id)
    result = basic.merge(merge)
    same("email of both", result.properties["email"], f"kept@{DOMAIN}")
    same("behind the id of the lost one", basic.get_by_id(lost.id).id, result.id)


def batches():
    batch = crm.contacts.batch_api
    names = [f"row{number}" for number in range(25)]
    made = batch.create(
        contacts.BatchInputSimplePublicObjectBatchInputForCreate(
            inputs=[new_contact(name) for name in names]
        )
    )
    same("batch create", (made.status, len(made.results)), ("COMPLETE", 25))
    ids = {record.properties["email"]: record.id for record in made.results}

    inputs = [
        contacts.SimplePublicObjectBatchInput(id=id, properties={"city": "Turin"})
        for id in ids.values()
    ]
    batch.update(contacts.BatchInputSimplePublicObjectBatchInput(inputs=inputs))
    wanted = [contacts.SimplePublicObjectId(id=email) for email in ids] + [
        contacts.SimplePublicObjectId(id=f"none@{DOMAIN}")
    ]
    read = batch.read(
        contacts.BatchReadInputSimplePublicObjectId(
            id_property="email",
            inputs=wanted,
            properties=["email", "city"],
            properties_with_history=[],
        )
    )
    same("cities", {record.properties["city"] for record in read.results}, {"Turin"})
    same("found", {record.properties["email"]: record.id for record in read.results}, ids)
    same("missing", read.num_errors, 1)
    same("category of the missing", read.errors[0].category, "OBJECT_NOT_FOUND")

    upserts = [
        contacts.SimplePublicObjectBatchInputUpsert(
            id=f"{name}@{DOMAIN}", id_property="email", properties={"company": "Upsert & Söhne"}
        )
        for name in ("row0", "upserted")
    ]
    results = batch.upsert(
        contacts.BatchInputSimplePublicObjectBatchInputUpsert(inputs=upserts)
    ).results
    same("new by upsert", sorted(record.new for record in results), [False, True])
    gone = [contacts.SimplePublicObjectId(id=ids[f"row{number}@{DOMAIN}"]) for number in (23, 24)]
    batch.archive(contacts.BatchInputSimplePublicObjectId(inputs=gone))
    return ids


def searches(ids):
    search = crm.contacts.search_api
    by_domain = contacts.FilterGroup(
        filters=[
            contacts.Filter(property_name="email", operator="CONTAINS_TOKEN", value=f"*@{DOMAIN}"),
            contacts.Filter(property_name="city", operator="EQ", value="Turin"),
        ]
    )
    seen, after = [], None
    while True:
        page = search.do_search(
            contacts.PublicObjectSearchRequest(
                filter_groups=[by_domain],
                limit=10,
                after=after,
                properties=["email"],
                sorts=["email"],
            )
        )
        same("total of a search", page.total, 23)
        seen += [record.properties["email"] for record in page.results]
        if page.paging is None:
            break
        after = page.paging.next.after
    same(
        "found by search", seen, sorted(set(ids) - {f"row{number}@{DOMAIN}" for number in (23, 24)})
    )
    everyone = crm.contacts.get_all()
    same("records of all pages", len({record.id for record in everyone}), len(everyone))
    same("on some page", set(seen) <= {record.properties["email"] for record in everyone}, True)


def associated(ids):
    company = crm.objects.basic_api.create(
        "companies",
        contacts.SimplePublicObjectInputForCreate(
            properties={"name": "Analytical", "domain": DOMAIN}
        ),
    )
    default = contacts.AssociationSpec(
        association_category="HUBSPOT_DEFINED", association_type_id=5
    )
    deal = crm.deals.basic_api.create(
        deals.SimplePublicObjectInputForCreate(
            properties={
                "dealname": "Engine",
                "pipeline": "default",
                "dealstage": "appointmentscheduled",
                "amount": "1200.50",
            },
            associations=[
                deals.PublicAssociationsForObject(
                    to=deals.PublicObjectId(id=company.id), types=[default]
                )
            ],
        )
    )
    links = crm.associations.v4.basic_api
    to_company = links.get_page("deals", deal.id, "companies").results
    same("created with the deal", [str(link.to_object_id) for link in to_company], [company.id])

    first, second = ids[f"row1@{DOMAIN}"], ids[f"row2@{DOMAIN}"]
    links.create_default("contacts", first, "companies", company.id)
    pair = v4.PublicDefaultAssociationMultiPost(
        _from=v4.PublicObjectId(id=second), to=v4.PublicObjectId(id=company.id)
    )
    crm.associations.v4.batch_api.create_default(
        "contacts", "companies", v4.BatchInputPublicDefaultAssociationMultiPost(inputs=[pair])
    )
    labelled = v4.PublicAssociationMultiPost(
        _from=v4.PublicObjectId(id=deal.id),
        to=v4.PublicObjectId(id=first),
        types=[v4.AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=3)],
    )
    crm.associations.v4.batch_api.create(
        "deals", "contacts", v4.BatchInputPublicAssociationMultiPost(inputs=[labelled])
    )
    read = crm.associations.v4.batch_api.get_page(
        "companies",
        "contacts",
        v4.BatchInputPublicFetchAssociationsBatchRequest(
            inputs=[v4.PublicFetchAssociationsBatchRequest(id=company.id)]
        ),
    )
    same(
        "contacts of the company",
        {str(link.to_object_id) for link in read.results[0].to},
        {first, second},
    )
    inline = crm.contacts.basic_api.get_by_id(
        first, associations=["companies", "deals"]
    ).associations
    same("companies inline", {link.id for link in inline["companies"].results}, {company.id})
    same("deals inline", {link.id for link in inline["deals"].results}, {deal.id})

    links.archive("contacts", second, "companies", company.id)
    same("after archiving", links.get_page("contacts", second, "companies").results, [])


def definitions():
    group = properties.PropertyGroupCreate(name="python_client", label="Python client")
    crm.properties.groups_api.create("contacts", group)
    tiers = [
        properties.OptionInput(label=tier.title(), value=tier, hidden=False, display_order=place)
        for place, tier in enumerate(("gold", "tin"))
    ]
    crm.properties.core_api.create(
        "contacts",
        properties.PropertyCreate(
            name="client_tier",
            label="Tier",
            group_name="python_client",
            type="enumeration",
            field_type="select",
            options=tiers,
        ),
    )
    crm.properties.core_api.update(
        "contacts", "client_tier", properties.PropertyUpdate(label="Client tier")
    )
    tier = crm.properties.core_api.get_by_name("contacts", "client_tier")
    same(
        "a property",
        (tier.label, [option.value for option in tier.options]),
        ("Client tier", ["gold", "tin"]),
    )
    every = {one.name: one for one in crm.properties.core_api.get_all("contacts").results}
    same("among all", every["client_tier"].type, "enumeration")
    same("the email", every["email"].type, "string")
    refused(
        "an option that is none",
        contacts.ApiException,
        400,
        lambda: crm.contacts.basic_api.create(new_contact("tiered", client_tier="lead")),
    )
    gold = crm.contacts.basic_api.create(new_contact("tiered", client_tier="gold"))
    same(
        "a value of the property",
        crm.contacts.basic_api.get_by_id(gold.id, properties=["client_tier"]).properties[
            "client_tier"
        ],
        "gold",
    )

    owners = crm.owners.get_all()
    same("an owner", crm.owners.owners_api.get_by_id(int(owners[0].id)).email, owners[0].email)
    same(
        "by email",
        [owner.id for owner in crm.owners.owners_api.get_page(email=owners[0].email).results],
        [owners[0].id],
    )

    made = crm.pipelines.pipelines_api.create(
        "deals",
        pipelines.PipelineInput(
            label="Python",
            display_order=7,
            stages=[
                pipelines.PipelineStageInput(
                    label="Start", display_order=0, metadata={"probability": "0.2"}
                )
            ],
        ),
    )
    stage = crm.pipelines.pipeline_stages_api.create(
        "deals",
        made.id,
        pipelines.PipelineStageInput(label="End", display_order=1, metadata={"probability": "1.0"}),
    )
    read = crm.pipelines.pipelines_api.get_by_id("deals", made.id)
    same(
        "stages",
        [(one.label, one.metadata["probability"]) for one in read.stages],
        [("Start", "0.2"), ("End", "1.0")],
    )
    crm.pipelines.pipeline_stages_api.archive("deals", made.id, stage.id)
    crm.pipelines.pipelines_api.archive("deals", made.id)
    same(
        "gone",
        made.id in {one.id for one in crm.pipelines.pipelines_api.get_all("deals").results},
        False,
    )


def listed(ids):
    among = {
        "filterType": "PROPERTY",
        "property": "email",
        "operation": {
            "operationType": "MULTISTRING",
            "operator": "IS_EQUAL_TO",
            "values": [f"row0@{DOMAIN}"],
        },
    }
    every = {"filterBranchType": "AND", "filterBranches": [], "filters": [among]}
    active = crm.lists.lists_api.create(
        lists.ListCreateRequest(
            name="Kept by HubSpot",
            object_type_id="0-1",
            processing_type="DYNAMIC",
            filter_branch={"filterBranchType": "OR", "filterBranches": [every], "filters": []},
        )
    ).list
    read = crm.lists.lists_api.get_by_id(active.list_id, include_filters=True).list
    same("kept by HubSpot", (read.processing_type, read.name), ("DYNAMIC", "Kept by HubSpot"))
    crm.lists.lists_api.remove(active.list_id)

    made = crm.lists.lists_api.create(
        lists.ListCreateRequest(name="From Python", object_type_id="0-1", processing_type="MANUAL")
    ).list
    members = sorted(ids[f"row{number}@{DOMAIN}"] for number in range(5))
    same(
        "added",
        sorted(
            str(id) for id in crm.lists.memberships_api.add(made.list_id, members).records_ids_added
        ),
        members,
    )
    crm.lists.memberships_api.remove(made.list_id, members[:1])
    page = crm.lists.memberships_api.get_page(made.list_id, limit=100)
    same("members", sorted(str(member.record_id) for member in page.results), members[1:])
    same(
        "by name", crm.lists.lists_api.get_by_name("From Python", "0-1").list.list_id, made.list_id
    )
    found = crm.lists.lists_api.do_search(
        lists.ListSearchRequest(
            query="From Python",
            count=10,
            offset=0,
            additional_properties=["hs_list_size"],
            list_ids=[],
            processing_types=[],
        )
    )
    same("found", [one.list_id for one in found.lists], [made.list_id])
    crm.lists.lists_api.remove(made.list_id)


def exported():
    task = crm.exports.public_exports_api.start(
        exports.PublicExportViewRequest(
            export_type="VIEW",
            export_name="From Python",
            format="CSV",
            language="EN",
            object_type="CONTACT",
            object_properties=["email", "company"],
            associated_object_type="COMPANY",
            export_internal_values_options=["NAMES", "VALUES"],
            override_associated_objects_per_definition_per_row_limit=False,
            public_crm_search_request=exports.PublicCrmSearchRequest(
                filters=[
                    exports.Filter(property_name="email", operator="EQ", value=f"row0@{DOMAIN}")
                ],
                sorts=[],
            ),
        )
    )

    def finished():
        status = crm.exports.public_exports_api.get_status(task.id)
        return status if status.status == "COMPLETE" else None

    with urllib.request.urlopen(within("the export", finished).result) as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file, "utf-8-sig")))
    same(
        "exported",
        [(row["email"], row["company"]) for row in rows],
        [(f"row0@{DOMAIN}", "Upsert & Söhne")],
    )


def imported():
    columns = [("Email", "email", "HUBSPOT_ALTERNATE_ID"), ("City", "city", None)]
    mappings = [
        {"columnObjectTypeId": "0-1", "columnName": name, "propertyName": to, "columnType": kind}
        for name, to, kind in columns
    ]
    request = {
        "name": "From Python",
        "importOperations": {"0-1": "UPSERT"},
        "files": [
            {
                "fileName": "people.csv",
                "fileFormat": "CSV",
                "fileImportPage": {"hasHeader": True, "columnMappings": mappings},
            }
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "people.csv")
        with open(path, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(
                [["Email", "City"], [f"row3@{DOMAIN}", "Genoa"], [f"sent@{DOMAIN}", "Málaga"]]
            )
        started = crm.imports.core_api.create(files=path, import_request=json.dumps(request))

    def finished():
        seen = crm.imports.core_api.get_by_id(int(started.id))
        return seen if seen.state in ("DONE", "FAILED", "CANCELED") else None

    same("the import", within("the import", finished).state, "DONE")
    same("errors", crm.imports.public_imports_api.get_errors(int(started.id)).results, [])
    for name, city in (("row3", "Genoa"), ("sent", "Málaga")):
        read = crm.contacts.basic_api.get_by_id(
            f"{name}@{DOMAIN}", id_property="email", properties=["city"]
        )
        same(f"city of {name}", read.properties["city"], city)


def strangers():
    stranger = hubspot.Client.create(access_token="pat-na1-nobody", host=ADDRESS)
    refused(
        "a stranger", contacts.ApiException, 401, lambda: stranger.crm.contacts.basic_api.get_page()
    )


single_records()
merged()
ids = batches()
searches(ids)
associated(ids)
definitions()
listed(ids)
exported()
imported()
strangers()

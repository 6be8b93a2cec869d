// HubSpot's own Node client at work against a portal: hubspot_node.mjs ADDRESS TOKEN NODE_MODULES.
//
// Ends with an error where the portal answers otherwise than the client or its caller expects.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'

const [address, token, modules] = process.argv.slice(2)
const { Client } = createRequire(resolve(modules, 'x.js'))('@hubspot/api-client')
const client = new Client({ accessToken: token, basePath: address, numberOfApiCallRetries: 0 })
const { crm } = client
const domain = 'node.example'
const email = (name) => `${name}@${domain}`
const contact = (name, more = {}) => ({
  properties: { email: email(name), firstname: name, ...more },
  associations: [],
})
const sorted = (values) => [...values].map(String).sort()

async function refused(status, call) {
  const error = await call().then(
    () => assert.fail(`not refused with ${status}`),
    (error) => error,
  )
  assert.equal(error.code, status, error.message)
  return typeof error.body === 'string' ? JSON.parse(error.body) : error.body
}

async function finished(look) {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await look()
    if (found !== undefined) return found
    await setTimeout(50)
  }
  return assert.fail('it does not end')
}

async function singleRecords() {
  const basic = crm.contacts.basicApi
  const grace = await basic.create(contact('grace'))
  assert.equal(grace.properties.email, email('grace'))
  assert.ok(grace.createdAt instanceof Date)
  assert.equal((await refused(409, () => basic.create(contact('grace')))).category, 'CONFLICT')

  await basic.update(grace.id, { properties: { lastname: 'Hopper' } })
  await basic.update(email('grace'), { properties: { jobtitle: 'Rear admiral' } }, 'email')
  const read = await basic.getById(grace.id, ['lastname', 'jobtitle'], ['lastname'])
  assert.deepEqual([read.properties.lastname, read.properties.jobtitle], ['Hopper', 'Rear admiral'])
  assert.deepEqual(
    read.propertiesWithHistory.lastname.map(({ value }) => value),
    ['Hopper'],
  )
  const byEmail = await basic.getById(
    email('grace'),
    undefined,
    undefined,
    undefined,
    false,
    'email',
  )
  assert.equal(byEmail.id, grace.id)
  const wrong = await refused(400, () =>
    basic.update(grace.id, { properties: { no_such_property: 'x' } }),
  )
  assert.equal(wrong.category, 'VALIDATION_ERROR')

  await basic.archive(grace.id)
  await refused(404, () => basic.getById(grace.id))
  const archived = await basic.getById(grace.id, undefined, undefined, undefined, true)
  assert.equal(archived.archived, true)
}

async function batches() {
  const batch = crm.contacts.batchApi
  const names = Array.from({ length: 25 }, (_, number) => `row${number}`)
  const made = await batch.create({ inputs: names.map((name) => contact(name)) })
  assert.deepEqual([made.status, made.results.length], ['COMPLETE', 25])
  const ids = Object.fromEntries(
    made.results.map(({ id, properties }) => [properties.firstname, id]),
  )

  await batch.update({
    inputs: Object.values(ids).map((id) => ({ id, properties: { city: 'Turin' } })),
  })
  const read = await batch.read({
    idProperty: 'email',
    inputs: [...names, 'none'].map((name) => ({ id: email(name) })),
    properties: ['firstname', 'city'],
    propertiesWithHistory: [],
  })
  assert.deepEqual(
    sorted(read.results.map(({ properties }) => properties.firstname)),
    sorted(names),
  )
  assert.deepEqual([...new Set(read.results.map(({ properties }) => properties.city))], ['Turin'])
  assert.deepEqual([read.numErrors, read.errors[0].category], [1, 'OBJECT_NOT_FOUND'])

  const upserted = await batch.upsert({
    inputs: ['row0', 'upserted'].map((name) => ({
      id: email(name),
      idProperty: 'email',
      properties: { company: 'Upsert & Söhne' },
    })),
  })
  assert.deepEqual(sorted(upserted.results.map((record) => record._new)), ['false', 'true'])
  await batch.archive({ inputs: [{ id: ids.row23 }, { id: ids.row24 }] })
  return ids
}

async function searches(ids) {
  const found = []
  let after
  do {
    const page = await crm.contacts.searchApi.doSearch({
      filterGroups: [
        {
          filters: [
            { propertyName: 'email', operator: 'CONTAINS_TOKEN', value: `*@${domain}` },
            { propertyName: 'city', operator: 'EQ', value: 'Turin' },
          ],
        },
      ],
      sorts: ['email'],
      properties: ['email'],
      limit: 10,
      after,
    })
    assert.equal(page.total, 23)
    found.push(...page.results.map(({ id }) => id))
    after = page.paging?.next?.after
  } while (after)
  const { row23, row24, ...left } = ids
  assert.deepEqual(sorted(found), sorted(Object.values(left)))

  const all = await crm.contacts.getAll(100)
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length)
  const archived = await crm.contacts.basicApi.getPage(
    100,
    undefined,
    undefined,
    undefined,
    undefined,
    true,
  )
  assert.ok(archived.results.some(({ id }) => id === row23) && !all.some(({ id }) => id === row24))
}

async function associations(ids) {
  const company = await crm.companies.basicApi.create({
    properties: { name: 'Compilers', domain },
    associations: [],
  })
  const deal = await crm.deals.basicApi.create({
    properties: {
      dealname: 'Nanoseconds',
      pipeline: 'default',
      dealstage: 'appointmentscheduled',
      amount: '11.8',
    },
    associations: [
      {
        to: { id: company.id },
        types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 5 }],
      },
    ],
  })
  const { basicApi, batchApi } = crm.associations.v4
  const ofDeal = await basicApi.getPage('deals', deal.id, 'companies')
  assert.deepEqual(sorted(ofDeal.results.map((link) => link.toObjectId)), [company.id])

  await basicApi.createDefault('contacts', ids.row1, 'companies', company.id)
  await batchApi.createDefault('contacts', 'companies', {
    inputs: [{ _from: { id: ids.row2 }, to: { id: company.id } }],
  })
  await batchApi.create('deals', 'contacts', {
    inputs: [
      {
        _from: { id: deal.id },
        to: { id: ids.row1 },
        types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 3 }],
      },
    ],
  })
  const read = await batchApi.getPage('companies', 'contacts', { inputs: [{ id: company.id }] })
  assert.deepEqual(
    sorted(read.results[0].to.map((link) => link.toObjectId)),
    sorted([ids.row1, ids.row2]),
  )
  const { associations: inline } = await crm.contacts.basicApi.getById(
    ids.row1,
    undefined,
    undefined,
    ['companies', 'deals'],
  )
  assert.ok(inline.companies.results.every(({ id }) => id === company.id))
  assert.deepEqual([...new Set(inline.deals.results.map(({ id }) => id))], [deal.id])

  await basicApi.archive('contacts', ids.row2, 'companies', company.id)
  assert.deepEqual((await basicApi.getPage('contacts', ids.row2, 'companies')).results, [])
}

async function definitions() {
  await crm.properties.groupsApi.create('contacts', {
    name: 'node_client',
    label: 'Node client',
    displayOrder: -1,
  })
  await crm.properties.coreApi.create('contacts', {
    name: 'node_tier',
    label: 'Tier',
    groupName: 'node_client',
    type: 'enumeration',
    fieldType: 'select',
    options: ['gold', 'tin'].map((value, displayOrder) => ({
      label: value,
      value,
      displayOrder,
      hidden: false,
    })),
  })
  await crm.properties.coreApi.update('contacts', 'node_tier', { label: 'Node tier' })
  const tier = await crm.properties.coreApi.getByName('contacts', 'node_tier')
  assert.deepEqual(
    [tier.label, tier.options.map(({ value }) => value)],
    ['Node tier', ['gold', 'tin']],
  )
  const all = await crm.properties.coreApi.getAll('contacts')
  assert.equal(all.results.find(({ name }) => name === 'node_tier').type, 'enumeration')
  await refused(400, () => crm.contacts.basicApi.create(contact('tiered', { node_tier: 'lead' })))
  const gold = await crm.contacts.basicApi.create(contact('tiered', { node_tier: 'gold' }))
  assert.equal(
    (await crm.contacts.basicApi.getById(gold.id, ['node_tier'])).properties.node_tier,
    'gold',
  )

  const { results: owners } = await crm.owners.ownersApi.getPage(undefined, undefined, 100)
  assert.equal((await crm.owners.ownersApi.getById(Number(owners[0].id))).email, owners[0].email)
  const byEmail = await crm.owners.ownersApi.getPage(owners[0].email)
  assert.deepEqual(
    byEmail.results.map(({ id }) => id),
    [owners[0].id],
  )

  const stage = (label, displayOrder, probability) => ({
    label,
    displayOrder,
    metadata: { probability },
  })
  const made = await crm.pipelines.pipelinesApi.create('deals', {
    label: 'Node',
    displayOrder: 8,
    stages: [stage('Start', 0, '0.2')],
  })
  const end = await crm.pipelines.pipelineStagesApi.create('deals', made.id, stage('End', 1, '1.0'))
  const pipeline = await crm.pipelines.pipelinesApi.getById('deals', made.id)
  assert.deepEqual(
    pipeline.stages.map((one) => [one.label, one.metadata.probability]),
    [
      ['Start', '0.2'],
      ['End', '1.0'],
    ],
  )
  await crm.pipelines.pipelineStagesApi.archive('deals', made.id, end.id)
  await crm.pipelines.pipelinesApi.archive('deals', made.id, true, true)
  assert.ok(
    !(await crm.pipelines.pipelinesApi.getAll('deals')).results.some(({ id }) => id === made.id),
  )
}

async function lists(ids) {
  const { list } = await crm.lists.listsApi.create({
    name: 'From Node',
    objectTypeId: '0-1',
    processingType: 'MANUAL',
  })
  const members = sorted([ids.row0, ids.row1, ids.row2])
  const added = await crm.lists.membershipsApi.add(list.listId, members)
  assert.deepEqual(sorted(added.recordsIdsAdded ?? added.recordIdsAdded), members)
  await crm.lists.membershipsApi.remove(list.listId, members.slice(0, 1))
  const page = await crm.lists.membershipsApi.getPage(list.listId, undefined, undefined, 100)
  assert.deepEqual(sorted(page.results.map(({ recordId }) => recordId)), members.slice(1))
  assert.equal((await crm.lists.listsApi.getByName('From Node', '0-1')).list.listId, list.listId)
  const found = await crm.lists.listsApi.doSearch({
    query: 'From Node',
    count: 10,
    offset: 0,
    additionalProperties: ['hs_list_size'],
  })
  assert.deepEqual(
    found.lists.map(({ listId }) => listId),
    [list.listId],
  )
  await crm.lists.listsApi.remove(list.listId)
}

async function exported() {
  const request = {
    exportType: 'VIEW',
    exportName: 'From Node',
    format: 'CSV',
    language: 'EN',
    objectType: 'CONTACT',
    objectProperties: ['email', 'company'],
    associatedObjectType: 'COMPANY',
    exportInternalValuesOptions: ['NAMES', 'VALUES'],
    overrideAssociatedObjectsPerDefinitionPerRowLimit: false,
    publicCrmSearchRequest: {
      filters: [{ propertyName: 'email', operator: 'EQ', value: email('row0') }],
      sorts: [],
    },
  }
  // `publicExportsApi.start` of 13.5.0 cannot serialize any request, whatever the server.
  const started = await client.apiRequest({
    method: 'POST',
    path: '/crm/v3/exports/export/async',
    body: request,
  })
  const task = await started.json()
  const done = await finished(async () => {
    const status = await crm.exports.publicExportsApi.getStatus(Number(task.id))
    return status.status === 'COMPLETE' ? status : undefined
  })
  const [header, row, ...more] = (await (await fetch(done.result)).text()).trim().split(/\r?\n/)
  assert.deepEqual(
    [header.split(',').slice(1, 3), row.split(',').slice(1, 3), more],
    [['email', 'company'], [email('row0'), 'Upsert & Söhne'], []],
  )
}

async function imported() {
  const columns = [
    ['Email', 'email', 'HUBSPOT_ALTERNATE_ID'],
    ['City', 'city', null],
  ]
  const columnMappings = columns.map(([columnName, propertyName, columnType]) => ({
    columnObjectTypeId: '0-1',
    columnName,
    propertyName,
    columnType,
  }))
  const request = {
    name: 'From Node',
    importOperations: { '0-1': 'UPSERT' },
    files: [
      {
        fileName: 'people.csv',
        fileFormat: 'CSV',
        fileImportPage: { hasHeader: true, columnMappings },
      },
    ],
  }
  const data = Buffer.from(`Email,City\n${email('row3')},Genoa\n${email('sent')},Málaga\n`)
  const started = await crm.imports.coreApi.create(
    { data, name: 'people.csv' },
    JSON.stringify(request),
  )
  const id = Number(started.id)
  const ended = await finished(async () => {
    const seen = await crm.imports.coreApi.getById(id)
    return ['DONE', 'FAILED', 'CANCELED'].includes(seen.state) ? seen : undefined
  })
  assert.equal(ended.state, 'DONE')
  assert.deepEqual((await crm.imports.publicImportsApi.getErrors(id)).results, [])
  for (const [name, city] of [
    ['row3', 'Genoa'],
    ['sent', 'Málaga'],
  ]) {
    const read = await crm.contacts.basicApi.getById(
      email(name),
      ['city'],
      undefined,
      undefined,
      false,
      'email',
    )
    assert.equal(read.properties.city, city)
  }
}

async function strangers() {
  const stranger = new Client({
    accessToken: 'pat-na1-nobody',
    basePath: address,
    numberOfApiCallRetries: 0,
  })
  await refused(401, () => stranger.crm.contacts.basicApi.getPage())
  const direct = await client.apiRequest({ path: '/account-info/v3/details' })
  assert.equal(direct.status, 200)
}

await singleRecords()
const ids = await batches()
await searches(ids)
await associations(ids)
await definitions()
await lists(ids)
await exported()
await imported()
await strangers()

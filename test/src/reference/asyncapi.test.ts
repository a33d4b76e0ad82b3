import asyncApiSpecs from '@asyncapi/specs'
import * as protocol from '@fleetwire/protocol'
import { Ajv } from 'ajv'
import { test } from 'tap'
import { asyncApiDocument } from '../../../src/reference/asyncapi.ts'
import { exampleDetails } from '../../../src/reference/example-details.ts'
import { frameGroups } from '../../../src/reference/frame-groups.ts'

const server = { host: 'fleet.example', protocol: 'wss', pathname: '/fleet' } as const
const document = asyncApiDocument({ version: '1.0.0', server, queryToken: true })
/** As served: without what TypeBox keeps beside JSON. */
const told = JSON.parse(JSON.stringify(document))

test('[RE16] the document is valid according to the official schema of AsyncAPI 3', async t => {
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false })
  const check = ajv.compile(asyncApiSpecs.schemasWithoutId['3.0.0'])
  t.ok(check(told), ajv.errorsText(check.errors))
})

type Ref = { $ref: string }
type Operation = { action: string; channel: Ref; messages: Ref[] }

function refsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) =>
    key === '$ref' && typeof member === 'string' ? [member] : refsOf(member),
  )
}
const at = (pointer: string) =>
  pointer
    .slice(2)
    .split('/')
    .reduce((node, key) => node?.[key], told)

test('every reference resolves, and every message and schema is referenced', async t => {
  const refs = new Set(refsOf(told))
  for (const ref of refs) t.ok(at(ref), ref)
  for (const id of Object.keys(told.components.messages)) t.ok(refs.has(`#/components/messages/${id}`), id)
  t.notMatch(JSON.stringify(told), /"\$id"/)
})

test('[RE16] each channel has every frame of its direction once, in operations from the server’s point of view', async t => {
  const directions = {
    'agent receive': [protocol.agentPayloads],
    'agent send': [protocol.agentServerPayloads],
    'ws receive': [protocol.clientPayloads],
    'ws send': [protocol.serverPayloads, protocol.eventPayloads, { 'custom:<name>': true }],
    'wsTask receive': [protocol.clientPayloads],
    'wsTask send': [protocol.serverPayloads, protocol.eventPayloads, { 'custom:<name>': true }],
  }
  const listed: Record<string, string[]> = {}
  for (const { action, channel, messages } of Object.values<Operation>(told.operations)) {
    const direction = `${channel.$ref.split('/').pop()} ${action}`
    listed[direction] ??= []
    for (const { $ref } of messages) listed[direction].push(at(at($ref).$ref).name)
  }
  for (const [direction, tables] of Object.entries(directions))
    t.same(listed[direction]?.toSorted(), tables.flatMap(Object.keys).toSorted(), direction)
})

test('[FR5] every example is accepted by its schema and by the decoder of its direction', async t => {
  const ajv = new Ajv({ strict: false })
  ajv.addSchema({ $id: 'doc', components: told.components })
  const decoders = {
    fromAgent: protocol.decodeAgentFrame,
    toAgent: protocol.decodeAgentServerFrame,
    fromClient: protocol.decodeClientFrame,
    toClient: protocol.decodeServerFrame,
    events: protocol.decodeServerFrame,
  }
  for (const group of frameGroups) {
    for (const { id } of group.frames) {
      const [example] = told.components.messages[id].examples
      const check = ajv.compile({ $ref: `doc#/components/messages/${id}/payload` })
      t.ok(check(example.payload), `${id}: ${ajv.errorsText(check.errors)}`)
      const decoded = decoders[group.id as keyof typeof decoders](JSON.stringify(example.payload))
      t.ok(decoded.ok, `${id} is decoded`, { decoded })
    }
  }
})

test('details of examples belong to existing frames', async t => {
  const ids = frameGroups.flatMap(({ frames }) => frames.map(({ id }) => id))
  t.same(
    Object.keys(exampleDetails).filter(id => !ids.includes(id)),
    [],
  )
})

test('a reply refers to the frame that replies', async t => {
  const { reply } = told.operations['ws.fromClient.reply']
  t.same(
    reply.messages.map(({ $ref }: { $ref: string }) => at(at($ref).$ref).name),
    ['reply'],
  )
  t.notOk('reply' in told.operations['agent.fromAgent'])
})

test('the document names the requested server, and no way of sending a token that is switched off', async t => {
  t.match(told.servers.this, server)
  t.equal(told.servers.this.security.length, 3)
  const closed = asyncApiDocument({ version: '1.0.0', server, queryToken: false })
  t.equal(closed.servers.this.security.length, 2)
  t.notMatch(JSON.stringify(closed), /\?token=/)
})

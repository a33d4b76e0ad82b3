import type { TSchema } from '@sinclair/typebox'
import t from 'tap'
import { eventPayloads } from '../events.ts'
import { agentSamples, agentServerSamples } from '../samples/agent.ts'
import { clientSamples, serverSamples } from '../samples/client.ts'
import { eventSamples } from '../samples/events.ts'
import type { Sample } from '../samples/sample.ts'
import { agentPayloads, agentServerPayloads } from './agent.ts'
import { clientPayloads, serverPayloads } from './client.ts'
import {
  agentServerFrameFlaw,
  type Decoded,
  decodeAgentFrame,
  decodeAgentServerFrame,
  decodeClientFrame,
  decodeServerFrame,
  eventFlaw,
  readServerFrame,
  serverFrameFlaw,
} from './decode.ts'

type Verdict = string | undefined

const told = (decoded: Decoded<unknown>): Verdict => (decoded.ok ? undefined : decoded.message)
const by = (decode: (text: string) => Decoded<unknown>) => (type: string, payload: unknown) =>
  told(decode(JSON.stringify({ type, payload })))
const asEvent = (type: string, payload: unknown) =>
  told(decodeServerFrame(JSON.stringify({ type, topic: 't', cursor: 'c', at: 0, payload })))

interface Table {
  name: string
  schemas: Record<string, TSchema>
  samples: Record<string, Sample<unknown>>
  /** Every way to check a payload of this table. Each returns what is wrong with it, or undefined. */
  judges: ((type: string, payload: unknown) => Verdict)[]
}

const tables: Table[] = [
  { name: 'client → server', schemas: clientPayloads, samples: clientSamples, judges: [by(decodeClientFrame)] },
  {
    name: 'server → client',
    schemas: serverPayloads,
    samples: serverSamples,
    judges: [by(decodeServerFrame), serverFrameFlaw],
  },
  { name: 'agent → server', schemas: agentPayloads, samples: agentSamples, judges: [by(decodeAgentFrame)] },
  {
    name: 'server → agent',
    schemas: agentServerPayloads,
    samples: agentServerSamples,
    judges: [by(decodeAgentServerFrame), agentServerFrameFlaw],
  },
  { name: 'events', schemas: eventPayloads, samples: eventSamples, judges: [asEvent, eventFlaw] },
]

const without = (payload: object, key: string) =>
  Object.fromEntries(Object.entries(payload).filter(([name]) => name !== key))

/** A value that only the schema "anything" accepts. */
const misfit = (schema: TSchema) => (schema.type === 'array' ? 'no array' : [[]])
const takesAnything = (schema: TSchema) => schema.type === undefined && schema.anyOf === undefined

/** Payloads that must be refused, each with the start of the refusal's message. */
function refusals(schema: TSchema, { minimal, refused }: Sample<unknown>): [payload: unknown, message: string][] {
  const least = minimal as Record<string, unknown>
  const fields = Object.entries((schema.properties ?? {}) as Record<string, TSchema>)
  return [
    ...[null, 5, 'text', []].map((payload): [unknown, string] => [payload, 'payload: expected object']),
    ...Object.keys(least)
      .filter(key => key !== 'ok')
      .map((key): [unknown, string] => [without(least, key), `payload.${key}: is required`]),
    ...fields
      .filter(([, field]) => !takesAnything(field))
      .map(([key, field]): [unknown, string] => [{ ...least, [key]: misfit(field) }, `payload.${key}: expected `]),
    ...refused.map(([patch, message]): [unknown, string] => [{ ...least, ...patch }, message]),
  ]
}

for (const { name, schemas, samples, judges } of tables) {
  t.test(`[FR5] [FR6] ${name}: the smallest payload is accepted, everything else is refused by name`, async t => {
    for (const [type, schema] of Object.entries(schemas)) {
      const sample = samples[type]!
      const cases = refusals(schema, sample)
      for (const judge of judges) {
        t.equal(judge(type, sample.minimal), undefined, `${type} is accepted`)
        const wrong = cases
          .map(([payload, message]) => ({ payload, message, verdict: judge(type, payload) }))
          .filter(({ message, verdict }) => !verdict?.startsWith(message))
        t.same(wrong, [], `${type}: ${cases.length} payloads are refused`)
      }
    }
  })
}

t.test('[FR7] unknown fields are dropped, so they cannot take the place of others', async t => {
  const result = { commandId: 'c', attempt: 1, status: 'succeeded' as const }
  const forged = { ...result, agentId: 'another', createdBy: 'root', endedAt: 1 }
  const frame = { type: 'command:result', n: 1, sudo: true, payload: forged }
  t.same(decodeAgentFrame(JSON.stringify(frame)), {
    ok: true,
    frame: { type: 'command:result', n: 1, payload: result },
  })
  const ping = { type: 'ping', payload: { timestamp: 1, extra: 1 } }
  t.same(decodeClientFrame(JSON.stringify(ping)), { ok: true, frame: { type: 'ping', payload: { timestamp: 1 } } })
  const metrics = { type: 'agent:metrics', payload: { cpu: 1, mine: 2 } }
  t.same(decodeAgentFrame(JSON.stringify(metrics)), { ok: true, frame: metrics }, 'metrics have free names')
})

t.test('[FR16] a client accepts what a newer server sends', async t => {
  const event = { type: 'agent:dreamt', topic: 'agents.a.log', cursor: 'c', at: 0, payload: { of: 'sheep' } }
  t.same(decodeServerFrame(JSON.stringify(event)), { ok: true, frame: event })
  t.notOk(decodeServerFrame(JSON.stringify({ ...event, payload: undefined })).ok, 'but no event without a payload')
  const task = { ...event, type: 'task:progress', payload: { taskId: 't1', status: 'dreaming' } }
  t.same(readServerFrame(JSON.stringify(task)), { ok: true, frame: task }, 'a value that is not known is no reason')
  t.notOk(decodeServerFrame(JSON.stringify(task)).ok, 'for whoever checks a server it is')
  t.notOk(readServerFrame(JSON.stringify({ ...event, payload: undefined })).ok)
  t.notOk(readServerFrame('{"type":"reply","payload":{"ok":"yes"}}').ok, 'what a client acts on is checked')
  const reply = { type: 'reply', id: 'r1', payload: { ok: true, command: { commandId: 'c' }, more: 1 } }
  t.same(decodeServerFrame(JSON.stringify(reply)), { ok: true, frame: reply })
})

import t from 'tap'
import { type Decoded, decodeAgentFrame, decodeClientFrame, decodeServerFrame } from './decode.ts'

const refusal = (decoded: Decoded<unknown>) =>
  decoded.ok ? undefined : [decoded.code, decoded.message, decoded.id, decoded.n]

/** A text with the [code, message, id, n] of its refusal, or nothing if it is accepted. */
const table: [rule: string, text: string, ...refused: unknown[]][] = [
  ['FR1', '{"type":"ping","payload":{},"id":"p1"}'],
  ['FR2', '{"type":"ping"}'],
  ['FR3', '', 'bad_json', 'The frame is not valid JSON: send one JSON object per line.'],
  ['FR3', '{"type":"ping"', 'bad_json', 'The frame is not valid JSON: send one JSON object per line.'],
  ['FR3', '{"type":"ping"}{"type":"ping"}', 'bad_json', 'The frame is not valid JSON: send one JSON object per line.'],
  ['FR3', '[]', 'invalid_frame', 'A frame must be a JSON object { "type": string, "payload": object }.'],
  ['FR3', 'null', 'invalid_frame', 'A frame must be a JSON object { "type": string, "payload": object }.'],
  ['FR1', '{}', 'invalid_frame', 'type: a string is required.'],
  ['FR1', '{"type":5,"id":"x","n":3}', 'invalid_frame', 'type: a string is required.', 'x', 3],
  ['FR2', '{"type":"ping","payload":null}', 'invalid_frame', 'payload: expected object'],
  ['FR4', '{"type":"agent:connect"}', 'unknown_type', 'Unknown frame type "agent:connect".'],
  ['FR4', '{"type":"__proto__"}', 'unknown_type', 'Unknown frame type "__proto__".'],
  ['FR4', '{"type":"constructor"}', 'unknown_type', 'Unknown frame type "constructor".'],
  ['FR4', '{"type":""}', 'unknown_type', 'Unknown frame type "".'],
  ['FR9', '{"type":"ping","id":""}', 'invalid_frame', 'id: expected letters, digits, _ and -, at most 64.'],
  ['FR9', '{"type":"ping","id":7}', 'invalid_frame', 'id: expected letters, digits, _ and -, at most 64.'],
  ['FR9', '{"type":"subscribe","id":"s1"}', 'invalid_frame', 'payload.topics: is required', 's1'],
  ['FR11', '{"type":"subscribe","type":"ping"}'],
]

t.test('[FR1] [FR2] [FR3] [FR4] [FR9] [FR11] how a text is decoded', async t => {
  for (const [rule, text, ...refused] of table) {
    const [code, message, id, n] = refused
    t.same(refusal(decodeClientFrame(text)), code && [code, message, id, n], `${rule}: ${text}`)
  }
})

t.test('[FR4] a long type is not sent back whole', async t => {
  const decoded = decodeClientFrame(JSON.stringify({ type: 'x'.repeat(100_000) }))
  t.ok(!decoded.ok && decoded.message.length < 200)
})

t.test('[FR5] a long key is not sent back whole', async t => {
  const labels = { ['k'.repeat(100_000)]: 'v' }
  const decoded = decodeAgentFrame(JSON.stringify({ type: 'agent:connect', payload: { bootId: 'b', labels } }))
  t.ok(!decoded.ok && decoded.message.length < 300)
})

t.test('[UP1] n is a positive integer', async t => {
  const withN = (n: string) => decodeAgentFrame(`{"type":"heartbeat","id":"h","n":${n}}`)
  t.match(withN('1'), { ok: true, frame: { n: 1 } })
  for (const n of ['0', '-1', '1.5', '"1"', 'null', '9007199254740992', '1e400']) {
    t.same(refusal(withN(n)), ['invalid_frame', 'n: expected a positive integer.', 'h', undefined], n)
  }
})

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
/** The frame and its payload count as levels too. */
const request = (input: string) =>
  `{"type":"command:request","payload":{"agentId":"a","kind":"shell","input":${input}}}`

t.test('[FR8] a frame is at most 100 levels deep', async t => {
  const deeper = ['invalid_frame', 'The frame is nested more than 100 levels deep.', undefined, undefined]
  t.same(refusal(decodeClientFrame(request(nested(99)))), deeper)
  t.same(refusal(decodeClientFrame(request(nested(100_000)))), deeper)
  t.same(refusal(decodeClientFrame('{"a":'.repeat(50_000))), deeper)
  t.ok(decodeClientFrame(request(JSON.stringify('[{'.repeat(500)))).ok, 'brackets in a text are text')
  t.ok(decodeClientFrame(request(JSON.stringify(`"\\"${'['.repeat(500)}`))).ok, 'also after quotes that are escaped')
  const many = `[${Array(5000).fill('[]').join()}]`
  t.ok(decodeClientFrame(request(many)).ok, 'breadth is no depth')
  const event = (levels: number) =>
    `{"type":"custom:x","topic":"tasks.t.events","cursor":"e.1","at":1,"payload":${nested(levels)}}`
  t.ok(decodeServerFrame(event(99)).ok, 'what a server sends may be as deep as a frame')
  t.match(decodeServerFrame(event(100)), { code: 'invalid_frame' })
})

t.test('[FR22] a number that is too large to be kept is refused where it stands', async t => {
  const flaw = (place: string) => [
    ...['invalid_frame', `payload.${place}: a number too large to represent (over 1.8e308).`],
    ...[undefined, undefined],
  ]
  t.same(refusal(decodeClientFrame(request('1e400'))), flaw('input'))
  t.same(refusal(decodeClientFrame(request('[1,{"a":-1e309}]'))), flaw('input.1.a'))
  const long = refusal(decodeClientFrame(request(`{"${'k'.repeat(5000)}":1e400}`)))
  t.ok(String(long?.[1]).length < 300, 'the place is not sent back at full length')
  for (const kept of ['1.7976931348623157e308', '5e-324', '1e-400', '"1e400"', '[{"1e400":null}]'])
    t.ok(decodeClientFrame(request(kept)).ok, kept)
  const report = '{"type":"agent:metrics","id":"i","n":7,"payload":{"cpu":1e400}}'
  t.same(refusal(decodeAgentFrame(report)), [...flaw('cpu').slice(0, 2), 'i', 7], 'an agent learns which one it was')
})

t.test('[FR18] a field of an inbound payload is at most 64 levels deep', async t => {
  t.ok(decodeClientFrame(request(nested(64))).ok)
  const flaw = ['invalid_frame', 'A field of the payload is nested more than 64 levels deep.', undefined, undefined]
  t.same(refusal(decodeClientFrame(request(nested(65)))), flaw)
  const report = `{"type":"tool:start","id":"i","n":7,"payload":{"args":${nested(65)}}}`
  t.same(refusal(decodeAgentFrame(report)), ['invalid_frame', flaw[1], 'i', 7], 'an agent learns which one it was')
  t.match(decodeAgentFrame(report.replace(nested(65), nested(200))), { id: 'i', n: 7 })
})

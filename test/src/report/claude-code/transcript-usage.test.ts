import t from 'tap'
import { usageOf } from '../../../../src/report/claude-code/transcript-usage.ts'
import { readReportLine } from '../../../../src/report/report-line.ts'

const entry = (id: unknown, usage: unknown, model: unknown = 'm') =>
  JSON.stringify({ type: 'assistant', message: { id, model, usage } })
const payloads = (...lines: string[]) => usageOf(lines.join('\n')).map(({ payload }) => payload)

t.test('a request with several entries is reported once, with its last values', async t => {
  const told = payloads(
    entry('a', { input_tokens: 1, cache_creation_input_tokens: 10, cache_read_input_tokens: 100, output_tokens: 1 }),
    entry('b', { input_tokens: 5 }),
    entry('a', { input_tokens: 1, cache_creation_input_tokens: 10, cache_read_input_tokens: 100, output_tokens: 7 }),
  )
  t.same(told, [
    { source: 'claude-code', mode: 'cumulative', requestId: 'b', inputTokens: 5, outputTokens: 0, model: 'm' },
    { source: 'claude-code', mode: 'cumulative', requestId: 'a', inputTokens: 111, outputTokens: 7, model: 'm' },
  ])
})

t.test('no more requests are reported than a server remembers in any case', async t => {
  const told = payloads(...Array.from({ length: 500 }, (_, i) => entry(`r${i}`, { input_tokens: 1 })))
  t.equal(told.length, 100)
  t.match(told.at(-1), { requestId: 'r499' })
})

t.test('invalid entries are left out, and the rest is reported', async t => {
  const lines = [
    '',
    'cut off "usage" {',
    'null',
    '"usage"',
    '{"usage":1}',
    '{"type":"assistant","message":"usage"}',
    entry(7, { input_tokens: 1 }),
    entry('', { input_tokens: 1 }),
    entry('x'.repeat(129), { input_tokens: 1 }),
    entry('c', null),
    entry('d', { input_tokens: -5, output_tokens: 'many', cache_read_input_tokens: 1e300 }, 7),
    entry('e', { input_tokens: 2 }, 'm'.repeat(200)),
  ]
  const frames = usageOf(lines.join('\n'))
  t.match(
    frames.map(({ payload }) => payload),
    [
      { requestId: 'd', inputTokens: 0, outputTokens: 0, model: undefined },
      { requestId: 'e', inputTokens: 2 },
    ],
  )
  for (const frame of frames)
    t.match(readReportLine(JSON.stringify(frame), { sessionId: 's', source: 's', newId: () => 'x' }), { ok: true })
})

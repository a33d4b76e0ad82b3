import { test } from 'tap'
import { countUsage, type UsageRecord } from '../../../src/agents/usage.ts'

type Report = Parameters<typeof countUsage>[2]
const delta = (requestId: string, inputTokens: number, more = {}): Report => ({
  ...{ source: 'api', mode: 'delta', requestId, inputTokens, ...more },
})
const cumulative = (requestId: string, inputTokens: number): Report => ({
  ...delta(requestId, inputTokens),
  mode: 'cumulative',
})
/** The record after the reports, and how many of them counted. */
function count(...reports: Report[]) {
  let record: UsageRecord | undefined
  let counted = 0
  for (const report of reports) {
    const next = countUsage(record, 'a1', report)
    if (next !== undefined) counted++
    record = next ?? record
  }
  return { ...record!, counted }
}

test('[AG14] a delta counts once per source and request', t => {
  t.match(count(delta('1', 10), delta('1', 10), delta('2', 5)), { inputTokens: 15, requests: 2, counted: 2 })
  t.match(count(delta('1', 10), delta('1', 10, { source: 'other' })), { inputTokens: 20, requests: 2 })
  t.end()
})

test('[AG14] a cumulative report adds only its increase, in any order', t => {
  const total = count(cumulative('1', 10), cumulative('1', 25), cumulative('1', 25), cumulative('1', 20))
  t.match(total, { inputTokens: 25, requests: 1, counted: 2 })
  t.end()
})

test('rows by source and model add up to the total', t => {
  const { by, costUsd, outputTokens } = count(
    delta('1', 10, { model: 'm1', costUsd: 0.5 }),
    delta('2', 5, { model: 'm2', outputTokens: 7 }),
    delta('3', 1, { model: 'm1', costUsd: 0.25 }),
  )
  t.same([costUsd, outputTokens], [0.75, 7])
  t.same(
    by.map(({ source, model, inputTokens }) => [source, model, inputTokens]),
    [
      ['api', 'm2', 5],
      ['api', 'm1', 11],
    ],
  )
  t.end()
})

test('the number of remembered requests is limited', t => {
  const many = Array.from({ length: 500 }, (_, i) => delta(`r${i}`, 1))
  const { recent, inputTokens } = count(...many)
  t.equal(inputTokens, 500)
  t.equal(recent.length, 200)
  t.equal(recent.at(-1)?.[0], 'api r499')
  t.end()
})

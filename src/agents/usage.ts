import type { AgentPayloads, AgentUsage, UsageTotals } from '@fleetwire/protocol'

type UsageReport = AgentPayloads['usage:report']
type Amounts = Pick<UsageReport, 'inputTokens' | 'outputTokens' | 'costUsd'>

/** What an agent has used, with the requests that were counted most recently. */
export interface UsageRecord extends AgentUsage {
  /** The counted amounts by source and request, most recently used last. */
  recent: [request: string, counted: Required<Amounts>][]
}

/** Counts are capped here: beyond this they are not exact. */
const MOST = Number.MAX_SAFE_INTEGER

/** A request that is reported again after this many others counts as a new one. */
const RECENT = 200

export const usageTopic = (agentId: string): string => `$usage.${agentId}`

/**
 * Counts a report once. `delta`: what this request used; repeating it adds nothing. `cumulative`: what the request has
 * used so far; only the increase is added. Undefined if there is nothing to add.
 */
export function countUsage(
  record: UsageRecord | undefined,
  agentId: string,
  report: UsageReport,
): UsageRecord | undefined {
  const { source, mode, requestId, model = '' } = report
  const before = record ?? noUsage(agentId)
  const request = `${source} ${requestId}`
  const counted = before.recent.find(([name]) => name === request)?.[1]
  if (counted !== undefined && mode === 'delta') return undefined
  const so = { ...nothing, ...amountsOf(report) }
  const total = mapAmounts(name => Math.max(so[name], counted?.[name] ?? 0))
  const added = { ...mapAmounts(name => total[name] - (counted?.[name] ?? 0)), requests: counted === undefined ? 1 : 0 }
  if (Object.values(added).every(amount => amount === 0)) return undefined
  const others = before.by.filter(row => row.source !== source || row.model !== model)
  const row = before.by.find(row => row.source === source && row.model === model)
  return {
    agentId,
    ...sum(before, added),
    by: [...others, { source, model, ...sum(row ?? { ...nothing, requests: 0 }, added) }],
    recent: [...before.recent.filter(([name]) => name !== request).slice(1 - RECENT), [request, total]],
  }
}

export const noUsage = (agentId: string): UsageRecord => ({ agentId, ...nothing, requests: 0, by: [], recent: [] })

const nothing = { inputTokens: 0, outputTokens: 0, costUsd: 0 }
const names = ['inputTokens', 'outputTokens', 'costUsd'] as const

const mapAmounts = (amount: (name: (typeof names)[number]) => number): Required<Amounts> => ({
  inputTokens: amount('inputTokens'),
  outputTokens: amount('outputTokens'),
  costUsd: amount('costUsd'),
})
const amountsOf = (report: UsageReport): Partial<Amounts> =>
  Object.fromEntries(names.flatMap(name => (report[name] === undefined ? [] : [[name, report[name]]])))
const sum = (a: UsageTotals, b: UsageTotals): UsageTotals => ({
  ...mapAmounts(name => Math.min(a[name] + b[name], MOST)),
  requests: a.requests + b.requests,
})

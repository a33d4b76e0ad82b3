import type { BatchBody } from '@fleetwire/protocol'
import type { AgentFilter } from '@fleetwire/react'

export type SendTarget =
  | { type: 'ids'; ids: readonly string[] }
  /** Pairs of name and value; all must match. */
  | { type: 'labels'; labels: readonly (readonly [string, string])[] }

/** Matches no agent: nothing is chosen yet. */
const NOBODY: AgentFilter = { ids: [] }

/** Matches the same agents that the server will select. */
export function filterOf(target: SendTarget): AgentFilter {
  if (target.type === 'ids') return { ids: target.ids }
  const labels = chosen(target.labels)
  return Object.keys(labels).length === 0 ? NOBODY : { labels }
}

export const selectorOf = (target: SendTarget): BatchBody['selector'] =>
  target.type === 'ids' ? { ids: [...target.ids] } : { labels: chosen(target.labels) }

const chosen = (pairs: readonly (readonly [string, string])[]): Record<string, string> =>
  Object.fromEntries(pairs.filter(([name, value]) => name !== '' && value !== ''))

/** Parses a number of agents; undefined if the text is empty, `invalid` unless it is a whole number from 1 on. */
export function limitOf(text: string): number | undefined | 'invalid' {
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  return /^[1-9]\d{0,5}$/.test(trimmed) ? Number(trimmed) : 'invalid'
}

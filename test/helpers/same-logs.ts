import { setTimeout as delay } from 'node:timers/promises'
import { type Command, isFinal, type WireEvent } from '@fleetwire/protocol'
import type { Test } from 'tap'
import type { FleetCluster } from './fleet-cluster.ts'
import type { Ledger } from './ledger.ts'

/** How often a node that lags is checked. */
const LOOKS = 20
const PAUSE_MS = 250

/** Checks that each node has the same log, in which every accepted command ended once. */
export async function sameLogs(t: Test, cluster: FleetCluster, ledger: Ledger): Promise<void> {
  const token = cluster.token('admin')
  const events = await readLog(cluster.url, token)
  const lines = events.map(event => JSON.stringify(event))
  for (const { name, url } of cluster.nodes) {
    let missing = lines
    for (let look = 0; missing.length > 0 && look < LOOKS; look++) {
      if (look > 0) await delay(PAUSE_MS)
      const has = new Set((await readLog(url, token)).map(event => JSON.stringify(event)))
      missing = lines.filter(line => !has.has(line))
    }
    t.same(missing, [], `${name} has the same log`)
  }
  const ends = endsOf(events)
  t.same(
    ledger.accepted.filter(({ commandId }) => ends.get(commandId)?.join() !== 'succeeded'),
    [],
  )
}

/** Reads the whole log of one node over REST. */
export async function readLog(url: string, token: string, topics = '>'): Promise<WireEvent[]> {
  const pages: WireEvent[][] = []
  let before: string | undefined
  for (;;) {
    const query = new URLSearchParams({ topics, limit: '500', ...(before !== undefined && { before }) })
    const response = await fetch(`${url}/api/v1/events?${query}`, { headers: { authorization: `Bearer ${token}` } })
    const page = (await response.json()) as { items: WireEvent[]; nextCursor: string | null }
    if (!response.ok) throw new Error(JSON.stringify(page))
    // Each page starts with the newest event.
    pages.unshift(page.items.toReversed())
    if (page.nextCursor === null) return pages.flat()
    before = page.nextCursor
  }
}

/** The final statuses of each command. */
function endsOf(events: readonly WireEvent[]): Map<string, string[]> {
  const ends = new Map<string, string[]>()
  for (const { type, payload } of events) {
    if (!type.startsWith('command:')) continue
    const { commandId, status } = payload as Command
    const known = ends.get(commandId) ?? []
    ends.set(commandId, isFinal(status) && type === `command:${status}` ? [...known, status] : known)
  }
  return ends
}

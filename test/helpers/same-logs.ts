import { type Command, isFinal, type WireEvent } from '@fleetwire/protocol'
import type { Test } from 'tap'
import type { FleetCluster } from './fleet-cluster.ts'
import type { Ledger } from './ledger.ts'

/** Each node has the same log, in which every accepted command ended once. */
export async function sameLogs(t: Test, cluster: FleetCluster, ledger: Ledger): Promise<void> {
  const [first, ...others] = await Promise.all(cluster.nodes.map(({ url }) => readLog(url, cluster.token('admin'))))
  for (const other of others) t.same(other, first)
  const ends = endsOf(first!)
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
    pages.unshift(page.items)
    if (page.nextCursor === null) return pages.flat()
    before = page.nextCursor
  }
}

/** By command, the final states in which it ended. */
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

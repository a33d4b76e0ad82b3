import type { FleetNode } from '../fleet-cluster.ts'
import type { Network } from '../network.ts'
import { size } from '../sizes.ts'
import { until } from '../until.ts'
import { type Fault, HOSTS, NODES, SERVERS } from './stage.ts'

/** How soon a node that is cut off must report it. */
const RED_MS = 6000
/** How soon all nodes must report that nothing can be stored: longer than an election; nodes check every 2 s. */
const ALL_RED_MS = 17_000
/** Allowance for a busy machine. */
const SLACK_MS = 3000
/** Longer than a request waits for an active node (10 s) and an append then waits for the servers (15 s). */
const ANSWERED_MS = 40_000

interface Scene {
  network: Network
  active: string
  gateway: string
  leader: string
}

interface Partition {
  /** Creates the partition, and returns the nodes that it cuts off. */
  make(scene: Scene): string[]
  /** No server has a majority: all nodes refuse, even those that hear each other. */
  storesNothing?: true
}

const without = (hosts: string[], ...some: string[]) => hosts.filter(host => !some.includes(host))

const kinds: Record<string, Partition> = {
  'the active node without a link': {
    make: ({ network, active }) => {
      network.link(active, 'down')
      return [active]
    },
  },
  'all that the active node sends is lost': {
    make: ({ network, active }) => {
      for (const other of without(HOSTS, active)) network.block(active, other)
      return [active]
    },
  },
  'all that is sent to the active node is lost': {
    make: ({ network, active }) => {
      for (const other of without(HOSTS, active)) network.block(other, active)
      return [active]
    },
  },
  'a gateway that reaches nobody': {
    make: ({ network, gateway }) => {
      network.isolate(gateway)
      return [gateway]
    },
  },
  'the stream leader without a link': {
    make: ({ network, leader }) => {
      network.link(leader, 'down')
      return []
    },
  },
  'the active node and the stream leader on one side, the rest on the other': {
    make: ({ network, active, leader }) => {
      for (const one of [active, leader]) for (const other of without(HOSTS, active, leader)) network.cut(one, other)
      return [active]
    },
  },
  'a gateway and a server on one side, the rest on the other': {
    make: ({ network, gateway, leader }) => {
      const server = without(SERVERS, leader)[0]!
      for (const one of [gateway, server]) for (const other of without(HOSTS, gateway, server)) network.cut(one, other)
      return [gateway]
    },
  },
  /*
   * Each node still reaches its server, and hears the nodes that are connected to the same server. The active node
   * remains active if it hears a majority of the nodes. A node that does not hear it tries to take over, which no
   * server can store. So no node that believes it is active can commit anything. When the servers are reconnected, the
   * stream accepts one of the waiting nodes, and the others follow.
   */
  'no server reaches another': {
    make: ({ network }) => {
      for (const server of SERVERS) for (const other of without(SERVERS, server)) network.block(server, other)
      return NODES
    },
    storesNothing: true,
  },
  'two of the servers without a link': {
    make: ({ network, leader }) => {
      for (const server of without(SERVERS, leader)) network.link(server, 'down')
      return NODES
    },
    storesNothing: true,
  },
}
const COUNT = size('PARTITIONS', { quick: 1, full: Object.keys(kinds).length })

/** Cuts links and drops packets. To run one kind: FAULT='cut off' PARTITION=leader */
export const partitions: Fault = {
  title: 'nodes that are cut off report it, the rest continue, and recovery is automatic',
  load: { agents: 2, dashboards: 3, callers: 3, restMs: 300 },
  cutsLinks: true,

  async play(t, { cluster, ledger, network }) {
    if (network === undefined) return
    /** Resolves when a command is refused as expected. */
    const refuses = (node: FleetNode) =>
      until(async () => {
        const response = await fetch(`${node.url}/api/v1/agents/a0/commands`, {
          method: 'POST',
          headers: { authorization: `Bearer ${cluster.token('operator')}`, 'content-type': 'application/json' },
          body: JSON.stringify({ kind: 'work', input: { asks: false } }),
          signal: AbortSignal.timeout(ANSWERED_MS),
        })
        const { code } = (await response.json()) as { code: string }
        return response.status === 503 && response.headers.has('retry-after') && code
      })

    const chosen = Object.entries(kinds).filter(([name]) => name.includes(process.env.PARTITION ?? ''))
    for (const [name, { make, storesNothing = false }] of chosen.slice(
      0,
      process.env.PARTITION === undefined ? COUNT : undefined,
    )) {
      const [active, gateway] = [await cluster.active(), await cluster.gateway()]
      const leader = await cluster.streamLeader()
      await ledger.goOn(5)
      const at = performance.now()
      const cutOff = make({ network, active: active.name, gateway: gateway.name, leader })
      const nodes = cluster.nodes.filter(node => cutOff.includes(node.name))
      const isRed = async (node: FleetNode) => {
        await until(async () => (await node.readiness())?.status === 503)
        return performance.now() - at
      }
      const redMs = await Promise.all(nodes.map(isRed))
      const bound = (storesNothing ? ALL_RED_MS : RED_MS) + SLACK_MS
      t.ok(Math.max(0, ...redMs) <= bound, `${name}: red in ${Math.round(Math.max(0, ...redMs))} ms`)
      await Promise.all(nodes.map(refuses))
      if (!storesNothing) await ledger.goOn(5)
      const accepted = storesNothing ? undefined : Math.round(ledger.acceptedAfter(at))
      for (const host of HOSTS) network.link(host, 'up')
      network.heal()
      const healed = performance.now()
      for (const node of cluster.nodes) await cluster.whenReady(node)
      const ready = Math.round(performance.now() - healed)
      await ledger.goOn(5)
      await ledger.whole()
      await cluster.streamIsWhole()
      const first = accepted ?? Math.round(ledger.acceptedAfter(at))
      t.comment(`${name}: the first command accepted after ${first} ms; all ready ${ready} ms after it healed`)
    }
  },
}

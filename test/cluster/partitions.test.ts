import t from 'tap'
import { FleetCluster, type FleetNode } from '../helpers/fleet-cluster.ts'
import { Ledger } from '../helpers/ledger.ts'
import { Network } from '../helpers/network.ts'
import { sameLogs } from '../helpers/same-logs.ts'
import { size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

/*
 * Each node and each nats-server has a network of its own, in which links are cut and packets lost. One by itself:
 * PARTITION=leader node dist/test/cluster/partitions.test.js
 */
const SERVERS = ['n1', 'n2', 'n3']
const NODES = ['node-1', 'node-2', 'node-3']
const ALL = [...SERVERS, ...NODES]
/** A node that is cut off says so. */
const RED_MS = 6000
/** All say so where nothing can be stored: longer than an election takes, and nodes look every 2 s. */
const ALL_RED_MS = 17_000
/** For a machine that is busy. */
const SLACK_MS = 3000

interface Scene {
  network: Network
  active: string
  gateway: string
  leader: string
}

interface Partition {
  /** Makes it, and returns the nodes that it cuts off. */
  make(scene: Scene): string[]
  /** No server has a majority behind it: all nodes refuse, those too that hear each other. */
  storesNothing?: true
}

const without = (hosts: string[], ...some: string[]) => hosts.filter(host => !some.includes(host))

const partitions: Record<string, Partition> = {
  'the active node without a link': {
    make: ({ network, active }) => {
      network.link(active, 'down')
      return [active]
    },
  },
  'what the active node sends is lost': {
    make: ({ network, active }) => {
      for (const other of without(ALL, active)) network.block(active, other)
      return [active]
    },
  },
  'what is sent to the active node is lost': {
    make: ({ network, active }) => {
      for (const other of without(ALL, active)) network.block(other, active)
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
      for (const one of [active, leader]) for (const other of without(ALL, active, leader)) network.cut(one, other)
      return [active]
    },
  },
  'a gateway and a server on one side, the rest on the other': {
    make: ({ network, gateway, leader }) => {
      const server = without(SERVERS, leader)[0]!
      for (const one of [gateway, server]) for (const other of without(ALL, gateway, server)) network.cut(one, other)
      return [gateway]
    },
  },
  /*
   * Each node still reaches the server that it is connected to, and hears the nodes that are connected to the same. The active
   * node stays so if it hears a majority of them; another one that hears none of it tries to take over, which no server can
   * store. So whoever believes to be active can commit nothing. When the servers are together again, the stream accepts one
   * of those who wait, and the others follow.
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
const COUNT = size('PARTITIONS', { quick: 1, full: Object.keys(partitions).length })

t.setTimeout(600_000)

t.test('who is cut off says so, the rest goes on, and healing needs nobody', async t => {
  const network = Network.create(t, ALL)
  if (network === undefined) return
  const places = (hosts: string[]) => hosts.map(host => network.place(host))
  const cluster = await FleetCluster.start(t, { nodes: places(NODES), servers: places(SERVERS) })
  if (cluster === undefined) return
  const { url } = cluster
  const token = cluster.token.bind(cluster)
  const ledger = await Ledger.start(t, { url, token, agents: 2, dashboards: 3, callers: 3, restMs: 300 })

  /** Resolves when a command is refused as it should be. */
  const refuses = (node: FleetNode) =>
    until(async () => {
      const response = await fetch(`${node.url}/api/v1/agents/a0/commands`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token('operator')}`, 'content-type': 'application/json' },
        body: JSON.stringify({ kind: 'work', input: { asks: false } }),
        signal: AbortSignal.timeout(20_000),
      })
      const { code } = (await response.json()) as { code: string }
      return response.status === 503 && response.headers.has('retry-after') && code
    })

  const chosen = Object.entries(partitions).filter(([name]) => name.includes(process.env.PARTITION ?? ''))
  for (const [name, { make, storesNothing = false }] of chosen.slice(
    0,
    process.env.PARTITION === undefined ? COUNT : undefined,
  )) {
    await ledger.goOn(5)
    const [active, gateway] = [await cluster.active(), await cluster.gateway()]
    const leader = await cluster.streamLeader()
    const at = performance.now()
    const cutOff = make({ network, active: active.name, gateway: gateway.name, leader })
    const nodes = cluster.nodes.filter(node => cutOff.includes(node.name))
    const redMs = await Promise.all(
      nodes.map(async node => {
        await until(async () => (await node.readiness())?.status === 503)
        return performance.now() - at
      }),
    )
    const bound = (storesNothing ? ALL_RED_MS : RED_MS) + SLACK_MS
    t.ok(Math.max(0, ...redMs) <= bound, `${name}: red in ${Math.round(Math.max(0, ...redMs))} ms`)
    await Promise.all(nodes.map(refuses))
    if (!storesNothing) await ledger.goOn(10)
    const accepted = storesNothing ? undefined : Math.round(ledger.acceptedAfter(at))
    for (const host of ALL) network.link(host, 'up')
    network.heal()
    const healed = performance.now()
    for (const node of cluster.nodes) await cluster.whenReady(node)
    const ready = Math.round(performance.now() - healed)
    await ledger.goOn(10)
    await ledger.whole()
    await cluster.streamIsWhole()
    const first = accepted ?? Math.round(ledger.acceptedAfter(at))
    t.comment(`${name}: the first command accepted after ${first} ms; all ready ${ready} ms after it healed`)
  }
  await ledger.settle()
  t.same(ledger.flaws(), [])
  await sameLogs(t, cluster, ledger)
})

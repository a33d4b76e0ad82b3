import t from 'tap'
import { median, percentile } from '../../bench/lib/stats.ts'
import { FleetCluster, type FleetNode } from '../helpers/fleet-cluster.ts'
import { Ledger } from '../helpers/ledger.ts'
import { sameLogs } from '../helpers/same-logs.ts'
import { size, some } from '../helpers/sizes.ts'

/*
 * Real nodes on real servers under load; what is named is killed with -9 again and again, and comes back. What is said at
 * the callers, the agents and the dashboards is compared in the end. The times are of the machine that it runs on.
 * Three times each, where every second command asks: CLUSTER_KILLS=3 CLUSTER_ASKS=2 node dist/test/cluster/kill-loops.test.js
 */
const ROUNDS = size('CLUSTER_KILLS', { quick: 1, full: 10 })
const GO_ON = 10

t.setTimeout(1_800_000)

interface Victims {
  node?: FleetNode
  server?: string
}

const targets: [name: string, find: (cluster: FleetCluster) => Promise<Victims>][] = some('CLUSTER_VICTIMS', 2, [
  [
    'active node and stream leader',
    async cluster => ({ node: await cluster.active(), server: await cluster.streamLeader() }),
  ],
  ['active node', async cluster => ({ node: await cluster.active() })],
  ['gateway', async cluster => ({ node: await cluster.gateway() })],
  ['stream leader', async cluster => ({ server: await cluster.streamLeader() })],
])

t.test('nothing is lost, doubled or missed, whatever is killed', async t => {
  const cluster = await FleetCluster.start(t)
  if (cluster === undefined) return
  const { url } = cluster
  const token = cluster.token.bind(cluster)
  const ledger = await Ledger.start(t, { url, token, agents: 3, dashboards: 4, callers: 4, restMs: 200 })
  const times = new Map(targets.map(([target]) => [target, { accepted: [] as number[], back: [] as number[] }]))

  for (let round = 0; round < ROUNDS; round++) {
    for (const [target, find] of targets) {
      await ledger.goOn(GO_ON)
      const { node, server } = await find(cluster)
      const at = performance.now()
      await Promise.all([node?.kill('SIGKILL'), server !== undefined && cluster.nats.kill(server)])
      await ledger.goOn(GO_ON)
      await ledger.whole()
      times.get(target)!.accepted.push(ledger.acceptedAfter(at))
      times.get(target)!.back.push(...ledger.backAfter(at))
      node?.start()
      if (server !== undefined) cluster.nats.restart(server)
      if (node !== undefined) await cluster.whenReady(node)
      // The next kill would leave no majority before this one has caught up.
      await cluster.streamIsWhole()
    }
  }
  await ledger.settle()
  t.same(ledger.flaws(), [])
  await sameLogs(t, cluster, ledger)
  for (const [target, { accepted, back }] of times) t.comment(`${target}: ${told(accepted, back)}`)
  t.comment(`${ledger.accepted.length} commands`)
})

const ms = (value: number) => `${Math.round(value)} ms`

function told(accepted: number[], back: number[]): string {
  const first = `first command accepted after ${ms(median(accepted))} (at most ${ms(Math.max(...accepted))})`
  if (back.length === 0) return `${first}, nobody lost a connection`
  return `${first}, ${back.length} connections back p50 ${ms(median(back))}, p95 ${ms(percentile(back, 0.95))}`
}

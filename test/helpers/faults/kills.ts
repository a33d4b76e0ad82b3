import { median, percentile } from '../../../bench/lib/stats.ts'
import type { FleetCluster, FleetNode } from '../fleet-cluster.ts'
import { isFull, size, some } from '../sizes.ts'
import type { Fault } from './stage.ts'

const ROUNDS = size('CLUSTER_KILLS', { quick: 1, full: 10 })
const GO_ON = size('CLUSTER_GO_ON', { quick: 5, full: 10 })

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

/** Repeatedly kills each target with -9 and restarts it. The reported times depend on the machine. */
export const kills: Fault = {
  title: 'nothing is lost, duplicated or missed, whatever is killed',
  load: { agents: 3, dashboards: 4, callers: 4, restMs: 200 },

  async play(t, { cluster, ledger }) {
    const times = new Map(targets.map(([target]) => [target, { accepted: [] as number[], back: [] as number[] }]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const [target, find] of targets) {
        const { node, server } = await find(cluster)
        // Nothing is awaited between this line and the kill, so that callers are waiting for answers.
        await ledger.goOn(GO_ON)
        const at = performance.now()
        await Promise.all([node?.kill('SIGKILL'), server !== undefined && cluster.nats.kill(server)])
        await ledger.goOn(GO_ON)
        await ledger.whole()
        times.get(target)!.accepted.push(ledger.acceptedAfter(at))
        times.get(target)!.back.push(...ledger.backAfter(at))
        // In a quick run only this node starts on an empty folder, and copies what the ledger has written so far.
        if (target === 'gateway' && !isFull) await node?.forget()
        node?.start()
        if (server !== undefined) cluster.nats.restart(server)
        if (node !== undefined) await cluster.whenReady(node)
        // Until this server has caught up, the next kill would leave no majority.
        await cluster.streamIsWhole()
      }
    }
    for (const [target, { accepted, back }] of times) t.comment(`${target}: ${told(accepted, back)}`)
    t.comment(`${ledger.accepted.length} commands`)
  },
}

const ms = (value: number) => `${Math.round(value)} ms`

function told(accepted: number[], back: number[]): string {
  const first = `first command accepted after ${ms(median(accepted))} (at most ${ms(Math.max(...accepted))})`
  if (back.length === 0) return `${first}, no connection was lost`
  return `${first}, ${back.length} connections back p50 ${ms(median(back))}, p95 ${ms(percentile(back, 0.95))}`
}

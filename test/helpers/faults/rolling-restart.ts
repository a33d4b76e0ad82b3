import type { Agent } from '@fleetwire/protocol'
import { fillLog } from '../../../bench/lib/fill-store.ts'
import { median, percentile } from '../../../bench/lib/stats.ts'
import type { FleetNode } from '../fleet-cluster.ts'
import { readLog } from '../same-logs.ts'
import { isFull, size } from '../sizes.ts'
import type { Fault } from './stage.ts'

/** Records of the fleet at the start. */
const RECORDS = size('ROLLING_RECORDS', { quick: 0, full: 30_000 })

/** Simulates an upgrade: under load, one node after another is stopped with SIGTERM and started again. */
export const rollingRestart: Fault = {
  title: 'a rolling restart is noticeable for a moment only',
  load: { agents: 3, dashboards: 2, callers: 2, restMs: 300 },
  viewers: size('ROLLING_DASHBOARDS', { quick: 4, full: 300 }),
  ...(RECORDS > 0 && {
    fill: log => fillLog(log, { agents: 50, tasks: 0, commands: RECORDS, now: Date.now() }),
  }),

  async play(t, { cluster, ledger }) {
    const restart = async (node: FleetNode, isNew: boolean) => {
      const wasActive = (await cluster.active()) === node
      await ledger.goOn(5)
      const at = performance.now()
      const [code] = await Promise.all([node.end(), ledger.goOn(20)])
      t.equal(code, 0, 'the node shuts down gracefully')
      const ended = performance.now()
      await ledger.goOn(5)
      await ledger.whole()
      const viewers = ledger.dashboards.filter(({ seesOnlyCount }) => seesOnlyCount)
      const back = viewers.map(({ presence }) => presence.backAfter(at)).filter(ms => ms !== undefined)
      if (isNew) await node.forget()
      const started = performance.now()
      node.start()
      await cluster.whenReady(node)
      t.comment(
        [
          `${wasActive ? 'the active node' : 'a gateway'} ended in ${ms(ended - at)}`,
          `first command accepted after ${ms(ledger.acceptedAfter(at))}`,
          `${back.length} of ${viewers.length} dashboards back p50 ${ms(median(back))}, p95 ${ms(percentile(back, 0.95))}`,
          `ready ${ms(performance.now() - started)} after its start ${isNew ? 'on an empty folder' : 'on its replica'}`,
        ].join('; '),
      )
    }
    if (isFull) {
      for (const node of cluster.nodes) await restart(node, false)
      await restart(await cluster.gateway(), true)
    } else await restart(await cluster.active(), false)
    const statuses = await readLog(cluster.url, cluster.token('admin'), 'agents.*.status')
    t.same(
      statuses
        .map(({ payload }) => payload as Agent)
        .filter(({ agentId, link }) => ledger.agents.some(agent => agent.agentId === agentId) && link !== 'online'),
      [],
      'no agent was reported as late or offline',
    )
  },
}

const ms = (value: number) => `${Math.round(value)} ms`

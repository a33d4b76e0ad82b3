import type { Agent } from '@fleetwire/protocol'
import t from 'tap'
import { fillLog } from '../../bench/lib/fill-store.ts'
import { median, percentile } from '../../bench/lib/stats.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { FleetCluster, type FleetNode } from '../helpers/fleet-cluster.ts'
import { Ledger } from '../helpers/ledger.ts'
import { readLog } from '../helpers/same-logs.ts'
import { size } from '../helpers/sizes.ts'

/*
 * A new version comes: one node after the other is ended with SIGTERM and started again, under load.
 * ROLLING_DASHBOARDS=1000 ROLLING_RECORDS=100000 node dist/test/cluster/rolling-restart.test.js
 */
const RECORDS = size('ROLLING_RECORDS', { quick: 1000, full: 30_000 })
const DASHBOARDS = size('ROLLING_DASHBOARDS', { quick: 12, full: 300 })

t.setTimeout(600_000)

t.test('a rolling restart is noticed by nobody but for a moment', async t => {
  const fill = (log: EventLog) => fillLog(log, { agents: 50, tasks: 0, commands: RECORDS, now: Date.now() })
  const cluster = await FleetCluster.start(t, { fill })
  if (cluster === undefined) return
  const { url } = cluster
  const token = cluster.token.bind(cluster)
  const ledger = await Ledger.start(t, { url, token, agents: 3, dashboards: 2, callers: 2, restMs: 300 })
  const viewers = await ledger.watch(t, DASHBOARDS)
  const restart = async (node: FleetNode, isNew: boolean) => {
    await ledger.goOn(5)
    const wasActive = (await cluster.active()) === node
    const at = performance.now()
    t.equal(await node.end(), 0, 'it ends in good order')
    const ended = performance.now()
    await ledger.goOn(5)
    await ledger.whole()
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
  for (const node of cluster.nodes) await restart(node, false)
  await restart(await cluster.gateway(), true)
  await ledger.settle()
  t.same(ledger.flaws(), [])
  const statuses = await readLog(url, token('admin'), 'agents.*.status')
  t.same(
    statuses
      .map(({ payload }) => payload as Agent)
      .filter(({ agentId, link }) => ledger.agents.some(agent => agent.agentId === agentId) && link !== 'online'),
    [],
    'no agent was said to be late or away',
  )
})

const ms = (value: number) => `${Math.round(value)} ms`

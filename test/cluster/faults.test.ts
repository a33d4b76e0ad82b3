import t, { type Test } from 'tap'
import { kills } from '../helpers/faults/kills.ts'
import { partitions } from '../helpers/faults/partitions.ts'
import { rollingRestart } from '../helpers/faults/rolling-restart.ts'
import { type Fault, HOSTS, startStage } from '../helpers/faults/stage.ts'
import { Network } from '../helpers/network.ts'
import { sameLogs } from '../helpers/same-logs.ts'
import { isFull } from '../helpers/sizes.ts'

/*
 * Real nodes on real servers under load, and the faults that hit them. At the end, what callers, agents and dashboards
 * saw is compared. In a quick run all faults hit one cluster; in a full run each kind has its own cluster and more to
 * do.
 *
 * One kind by itself, three kills of each, every second command asks:
 * FAULT=killed CLUSTER_VICTIMS=4 CLUSTER_KILLS=3 CLUSTER_ASKS=2 node dist/test/cluster/faults.test.js
 */
const faults = [rollingRestart, kills, partitions].filter(({ title }) => title.includes(process.env.FAULT ?? ''))

t.setTimeout(1_800_000)

/** Plays the faults one after the other, on the same cluster. */
async function play(t: Test, played: readonly Fault[], conditions: Omit<Fault, 'title' | 'play'>): Promise<void> {
  const network = conditions.cutsLinks && Network.create(t, HOSTS)
  const stage = await startStage(t, conditions, network)
  if (stage === undefined) return
  const { cluster, ledger } = stage
  for (const fault of played) {
    t.comment(fault.title)
    await fault.play(t, stage)
  }
  await ledger.settle()
  t.same(ledger.flaws(), [])
  await sameLogs(t, cluster, ledger)
}

if (isFull) for (const fault of faults) t.test(fault.title, t => play(t, [fault], fault))
else {
  const load = { agents: 3, dashboards: 2, callers: 8, restMs: 200, onlyWhileAwaited: true }
  t.test('whatever fault hits one cluster, nothing is lost, duplicated or missed', t =>
    play(t, faults, Object.assign({}, ...faults, { load })),
  )
}

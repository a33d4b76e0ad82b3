import { cpuMsOf, Neighbours } from './lib/machine.ts'
import { fleetwire } from './lib/peers.ts'
import { caveats, heading, ms, note, table } from './lib/report.ts'
import { startRole } from './lib/start-role.ts'
import { percentile } from './lib/stats.ts'
import type { resumers } from './load/resumers.ts'
import type { loads } from './load/subscribers.ts'

/** Many clients come back at once, each with much to catch up on. */

const CLIENTS = 1000
const BEHIND = 1000
const LIVE = 50

heading(`${CLIENTS} clients resume, each ${BEHIND} events behind`, [
  `${BEHIND} events were stored while they were away; all connect at once, say their cursor and get what they missed.`,
  'A sample is from the connect of a client to its `resume:done`; each must get every event once and in order.',
  `Meanwhile ${LIVE} others get 100 events/s live: their p99 before and during. Nothing is pinned.`,
  'Socket.IO recovers from memory only: on a far bigger machine 1.97 s (p95) and 4.58 s (p99) were measured for as many.',
])

const server = await fleetwire()
const live = startRole<typeof loads>('load/subscribers.js')
const returning = startRole<typeof resumers>('load/resumers.js')
const neighbours = new Neighbours([server.pid, live.pid, returning.pid])
await live.call('connect', { ...server.how, port: server.port, count: LIVE, concurrency: 50 })

async function liveP99(durationMs: number): Promise<number> {
  await live.call('listen')
  await server.role.call('append', { perTurn: 1, turnsPerSecond: 100, durationMs })
  await new Promise(resolve => setTimeout(resolve, 300))
  return percentile(await live.call('latencies'), 0.99)
}

await liveP99(1000)
const quiet = await liveP99(4000)
const cursor = await server.role.call('head')
await server.role.call('append', { perTurn: 10, turnsPerSecond: 100, durationMs: (BEHIND / 1000) * 1000 })
await new Promise(resolve => setTimeout(resolve, 500))
const during = liveP99(6000)
const startedAt = performance.now()
const cpuBefore = cpuMsOf(returning.pid)
const { samples, incomplete } = await returning.call('run', {
  ...{ port: server.port, token: server.how.token!, cursor, clients: CLIENTS, atLeast: BEHIND },
})
const load = (cpuMsOf(returning.pid) - cpuBefore) / (performance.now() - startedAt)
table(
  ['', 'p50 ms', 'p95 ms', 'p99 ms', 'incomplete'],
  [
    [
      'resume',
      ms(percentile(samples, 0.5)),
      ms(percentile(samples, 0.95)),
      ms(percentile(samples, 0.99)),
      String(incomplete),
    ],
  ],
)
note('wanted: p95 below 1 s, p99 below 2 s.')
note(`Live traffic: p99 ${ms(quiet)} ms before, ${ms(await during)} ms while they came.`)
caveats({ load, others: neighbours.cores() })
await Promise.all([server.stop(), live.stop(), returning.stop()])

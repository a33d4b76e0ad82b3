import { Neighbours, residentBytesOf } from './lib/machine.ts'
import { TOPIC } from './lib/payload.ts'
import { fleetwire, plainWs } from './lib/peers.ts'
import { heading, ms, note, percent, sharedMachine, table } from './lib/report.ts'
import { startRole } from './lib/start-role.ts'
import { median, percentile } from './lib/stats.ts'
import type { loads } from './load/subscribers.ts'

/** What slow readers cost the server and the readers that keep up. */

const PROCESSES = 3
const PER_PROCESS = 330
const FROZEN = 1
const SLOW = 9
const EVENTS_PER_SECOND = 50
const ROUND_MS = 1200
const PAIRS = 12
const MiB = 1024 * 1024
/** Bytes buffered in the server for each slow reader when a round begins. */
const BEHIND_BYTES = MiB
const BALLASTS = 1024

heading(`Slow readers among ${PROCESSES * PER_PROCESS + FROZEN + SLOW}`, [
  `${EVENTS_PER_SECOND} events/s to all; latencies of ${PROCESSES * PER_PROCESS} readers, from when the log reports an event to their sockets: no disk.`,
  `With: ${FROZEN} more never reads, ${SLOW} more take 64 KiB at most ten times a second; the kernel buffers are full and ${BEHIND_BYTES / MiB} MiB waits for each.`,
  `${PAIRS} rounds of ${ROUND_MS / 1000} s each, alternating with and without; medians. Nothing is pinned.`,
  `Memory: one reader that never reads, and ${BALLASTS / 16} MiB of events for it, in pieces of 64 KiB.`,
])

const server = await fleetwire()
const others = Array.from({ length: PROCESSES }, () => startRole<typeof loads>('load/subscribers.js'))
const few = startRole<typeof loads>('load/subscribers.js')
const ordinary = {
  ...{ ...server.how, port: server.port, concurrency: 50 },
  hello: [JSON.stringify({ type: 'subscribe', payload: { topics: [TOPIC], snapshot: false } })],
}
for (const load of others) {
  const { refused } = await load.call('connect', { ...ordinary, count: PER_PROCESS })
  if (refused > 0) throw new Error(`${refused} subscribers were refused`)
}
const neighbours = new Neighbours([server.pid, few.pid, ...others.map(({ pid }) => pid)])

/** p50 and p99 of the readers that keep up, ms. */
async function round(isSlow: boolean, durationMs = ROUND_MS): Promise<{ p50: number; p99: number }> {
  // The slow readers also get ballast events, which the others do not.
  await few.call('connect', { ...server.how, port: server.port, count: FROZEN + SLOW, concurrency: 10 })
  if (isSlow) {
    await few.call('slowDown', { frozen: FROZEN, slow: SLOW })
    await server.role.call('ballast', { events: BALLASTS, untilBytes: BEHIND_BYTES })
  }
  for (const load of others) await load.call('listen')
  await server.publish({ perTurn: 1, turnsPerSecond: EVENTS_PER_SECOND, durationMs })
  await new Promise(resolve => setTimeout(resolve, 200))
  const samples: number[] = []
  for (const load of others) for (const sample of await load.call('latencies')) samples.push(sample)
  await few.call('close')
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) }
}

const figures: Record<'without' | 'with', { p50: number; p99: number }[]> = { without: [], with: [] }
await round(false, 1000)
for (let pair = 0; pair < PAIRS; pair++) {
  // Each goes first in turn, so that changes in the speed of the machine favour neither.
  for (const isSlow of pair % 2 === 0 ? [false, true] : [true, false]) {
    figures[isSlow ? 'with' : 'without'].push(await round(isSlow))
  }
}
const of = (name: keyof typeof figures, key: 'p50' | 'p99') => median(figures[name].map(figure => figure[key]))
table(
  ['', 'p50 ms', 'p99 ms', 'p99, half of the rounds'],
  (['without', 'with'] as const).map(name => [
    `${name} slow readers`,
    ms(of(name, 'p50')),
    ms(of(name, 'p99')),
    [0.25, 0.75]
      .map(part =>
        ms(
          percentile(
            figures[name].map(({ p99 }) => p99),
            part,
          ),
        ),
      )
      .join(' to '),
  ]),
)
note(`With slow readers p99 changes by ${percent(of('with', 'p99') / of('without', 'p99') - 1)}; target: at most 5 %.`)
const busy = neighbours.cores()
await Promise.all(others.map(load => load.stop()))

const bare = await plainWs()
const rows: string[][] = []
for (const { name, pid, port, how, role } of [server, bare]) {
  await few.call('connect', { ...how, port, count: 1, concurrency: 1 })
  await few.call('slowDown', { frozen: 1, slow: 0 })
  await role.call('gc')
  const before = residentBytesOf(pid)
  let most = 0
  for (let n = 0; n < BALLASTS; n += 16) {
    await role.call('ballast', { events: 16 })
    most = Math.max(most, (await role.call('waiting')).bytes)
  }
  await role.call('gc')
  rows.push([
    name,
    (most / MiB).toFixed(1),
    ((residentBytesOf(pid) - before) / MiB).toFixed(0),
    (await role.call('waiting')).open === 0 ? 'is closed (4508)' : 'stays',
  ])
  await few.call('close')
}
note('')
table(['one that never reads', 'MiB that waited', 'MiB the server grew', 'it'], rows)
sharedMachine(busy)
await Promise.all([server.stop(), bare.stop(), few.stop()])

import { cpuMsOf, Neighbours } from './lib/machine.ts'
import { fleetwire, plainWs, socketIo } from './lib/peers.ts'
import { caveats, count, heading, note, table, times } from './lib/report.ts'
import { pinning, startRole } from './lib/start-role.ts'
import { median } from './lib/stats.ts'
import type { loads } from './load/subscribers.ts'

/** One event to many subscribers: what each delivery costs the server. */

const SUBSCRIBERS = 1000
const ROUNDS = 3
const ROUND_MS = 3000
const SHAPES = [
  { name: 'one event a turn', perTurn: 1, turns: { fleetwire: 150, peer: 100 } },
  { name: 'bursts of 32', perTurn: 32, turns: { fleetwire: 60, peer: 4 } },
]

heading(`Fan-out to ${SUBSCRIBERS} subscribers`, [
  `Events of about 256 bytes, one topic, ${SUBSCRIBERS} WebSockets on loopback, no compression; ${pinning}.`,
  'fleetwire: the whole path after the log (its followers are notified), tokens, subscriptions and outboxes included.',
  'ws: JSON serialized once, `send` to each. Socket.IO: `io.to(room).emit`. Each at a rate that it can sustain.',
  `${ROUNDS} rounds of ${ROUND_MS / 1000} s each, in turn; medians. Every subscriber must get as many bytes as the first.`,
  'uWebSockets.js is not on npm, so it is not included.',
])

const servers = await Promise.all([fleetwire(0), plainWs(0), socketIo(0)])
const loadRoles = servers.map(() => startRole<typeof loads>('load/subscribers.js', { core: 1 }))
for (const [i, { port, how }] of servers.entries()) {
  const { refused } = await loadRoles[i]!.call('connect', { ...how, port, count: SUBSCRIBERS, concurrency: 50 })
  if (refused > 0) throw new Error(`${refused} subscribers were refused`)
}
const neighbours = new Neighbours([...servers.map(({ pid }) => pid), ...loadRoles.map(({ pid }) => pid)])
let busiest = 0

async function round(i: number, perTurn: number, turnsPerSecond: number): Promise<number> {
  const server = servers[i]!
  const load = loadRoles[i]!
  await load.call('reset')
  const cpu = cpuMsOf(server.pid)
  const loadCpu = await load.call('cpuMs')
  const startedAt = performance.now()
  const events = await server.publish({ perTurn, turnsPerSecond, durationMs: ROUND_MS })
  busiest = Math.max(busiest, ((await load.call('cpuMs')) - loadCpu) / (performance.now() - startedAt))
  // Wait for the bytes that are still in flight.
  let received = await load.call('received')
  for (let before = -1; received.bytes !== before || !received.equal; ) {
    before = received.bytes
    await new Promise(resolve => setTimeout(resolve, 100))
    received = await load.call('received')
    if (performance.now() - startedAt > 30_000) throw new Error(`${server.name}: not every subscriber got the same`)
  }
  return (events * SUBSCRIBERS) / ((cpuMsOf(server.pid) - cpu) / 1000)
}

for (const { name, perTurn, turns } of SHAPES) {
  const figures: number[][] = servers.map(() => [])
  for (let n = 0; n <= ROUNDS; n++) {
    for (let i = 0; i < servers.length; i++) {
      const figure = await round(i, perTurn, i === 0 ? turns.fleetwire : turns.peer)
      if (n > 0) figures[i]!.push(figure)
    }
  }
  const medians = figures.map(median)
  note(`${name}:`)
  table(
    ['', 'deliveries per CPU-second', 'CPU µs each', 'fleetwire is'],
    servers.map((server, i) => [
      server.name,
      count(medians[i]!),
      (1e6 / medians[i]!).toFixed(2),
      i === 0 ? '' : times(medians[0]! / medians[i]!),
    ]),
  )
}
caveats({ load: busiest, others: neighbours.cores() })
await Promise.all([...servers.map(server => server.stop()), ...loadRoles.map(role => role.stop())])

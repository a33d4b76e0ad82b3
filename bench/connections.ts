import { Neighbours, residentBytesOf } from './lib/machine.ts'
import { bareFastify, fleetwire, type Peer, plainWs, socketIo } from './lib/peers.ts'
import { count, heading, ms, note, sharedMachine, table, times } from './lib/report.ts'
import { pinning, startRole } from './lib/start-role.ts'
import { median } from './lib/stats.ts'
import type { loads } from './load/subscribers.ts'

/** Many connections: how fast they are accepted, and how much memory an idle one uses. */

const CONNECTIONS = 5000
/** Code is still compiled in the first two rounds of a fresh process. */
const WARM_UPS = 2
const ROUNDS = Number(process.env.ROUNDS ?? 5)
/** Slow machines run fewer rounds: after this time no new round begins, if at least `FEWEST` have run. */
const ROUNDS_MS = 60_000
const FEWEST = 3
/** The pause between two rounds, in which sockets close and deferred work runs. */
const PAUSE_MS = 1000
/** Connections that are opened and closed before memory is measured, so that pools have grown. */
const COME_AND_GO = 500

heading(`${CONNECTIONS} connections`, [
  `${CONNECTIONS} handshakes, 100 in progress at once; ${pinning}. All close, and reconnect after ${PAUSE_MS / 1000} s.`,
  'fleetwire: token, origin, limits, `connection:established`, one subscription. Socket.IO: connected to its namespace.',
  'bare @fastify/websocket: one frame in reply to one, no token, no state. ws: only the upgrade.',
  `Servers take turns: the first round of a fresh process, one to warm up, then the medians of ${ROUNDS} and of their ratios,`,
  `or of fewer, but at least ${FEWEST}, once ${ROUNDS_MS / 1000} s have passed.`,
  'No garbage collection is forced in between: it would discard compiled code.',
  `Memory, in separate servers: resident set above that after ${COME_AND_GO} came and went, both after a garbage collection, per connection.`,
])

const pause = (forMs: number) => new Promise(resolve => setTimeout(resolve, forMs))

/** After garbage collections, and pauses for the allocator to return pages. */
async function settledBytes(server: Peer): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await server.gc()
    await pause(200)
  }
  return residentBytesOf(server.pid)
}

async function contestant(start: (core: number) => Promise<Peer>) {
  const server = await start(0)
  const load = startRole<typeof loads>('load/subscribers.js', { core: 1 })
  return {
    ...{ name: server.name, server, pids: [server.pid, load.pid] },
    connect: (connections: number) =>
      load.call('connect', { ...server.how, port: server.port, concurrency: 100, count: connections }),
    close: () => load.call('close'),
    stop: () => Promise.all([load.stop(), server.stop()]),
  }
}

async function memoryOf(start: (core: number) => Promise<Peer>): Promise<number> {
  const { server, connect, close, stop } = await contestant(start)
  await connect(COME_AND_GO)
  await close()
  const before = await settledBytes(server)
  await connect(CONNECTIONS)
  const bytes = (await settledBytes(server)) - before
  await stop()
  return bytes / CONNECTIONS
}

const starts = [fleetwire, bareFastify, plainWs, socketIo]
const bytesEach: number[] = []
for (const start of starts) bytesEach.push(await memoryOf(start))

const contestants = await Promise.all(starts.map(contestant))
const neighbours = new Neighbours(contestants.flatMap(({ pids }) => pids))
const rounds: { elapsedMs: number; refused: number }[][] = contestants.map(() => [])
const startedAt = performance.now()
const isOver = (round: number) =>
  round === WARM_UPS + ROUNDS || (round >= WARM_UPS + FEWEST && performance.now() - startedAt > ROUNDS_MS)
for (let round = 0; !isOver(round); round++) {
  for (const [i, { connect, close }] of contestants.entries()) {
    rounds[i]!.push(await connect(CONNECTIONS))
    await close()
    await pause(PAUSE_MS)
  }
}
const others = neighbours.cores()
await Promise.all(contestants.map(({ stop }) => stop()))

const elapsed = rounds.map(each => each.map(({ elapsedMs }) => elapsedMs))
/** The speed of the machine varies over time, so only compare figures of the same round. */
const overBare = (i: number) => elapsed[i]!.map((each, round) => each / elapsed[1]![round]!)
table(
  ['', 'all in, ms', 'connects/s', 'time over bare', 'fresh process, ms', 'over bare', 'refused', 'bytes each'],
  contestants.map(({ name }, i) => {
    const hot = median(elapsed[i]!.slice(WARM_UPS))
    return [
      ...[name, ms(hot), count((CONNECTIONS / hot) * 1000), times(median(overBare(i).slice(WARM_UPS)))],
      ...[ms(elapsed[i]![0]!), times(overBare(i)[0]!)],
      String(rounds[i]!.reduce((sum, { refused }) => sum + refused, 0)),
      count(bytesEach[i]!),
    ]
  }),
)
note(`Rounds after warm-up: ${rounds[0]!.length - WARM_UPS}.`)
sharedMachine(others)

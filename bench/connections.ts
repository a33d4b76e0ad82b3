import { Neighbours, residentBytesOf } from './lib/machine.ts'
import { bareFastify, fleetwire, type Peer, plainWs, socketIo } from './lib/peers.ts'
import { count, heading, ms, sharedMachine, table, times } from './lib/report.ts'
import { pinning, startRole } from './lib/start-role.ts'
import { median } from './lib/stats.ts'
import type { loads } from './load/subscribers.ts'

/** Many connections: how fast they are let in, and what one that is idle holds. */

const CONNECTIONS = 5000
const ROUNDS = 3
/** Before the first is counted, so that code is compiled and pools are grown. */
const WARM_UP = 500

heading(`${CONNECTIONS} connections`, [
  `${CONNECTIONS} handshakes, 100 under way at once, then idle; ${pinning}.`,
  'fleetwire: token, origin, limits, `connection:established`, one subscription. Socket.IO: connected to its namespace.',
  'bare @fastify/websocket: one frame in answer to one, no token, no state. ws: the upgrade alone.',
  `Memory: resident set over that of the server after ${WARM_UP} connections came and went, both after a collection, per connection.`,
  `${ROUNDS} rounds, each with a server of its own; medians.`,
])

const starts = [fleetwire, bareFastify, plainWs, socketIo]
const names: string[] = []
const times5000: number[][] = starts.map(() => [])
const bytesEach: number[][] = starts.map(() => [])
const refusals: number[] = starts.map(() => 0)
let others = 0

/** A collection, and the time that the allocator needs to give pages back. */
async function settledBytes(server: Peer): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await server.gc()
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  return residentBytesOf(server.pid)
}

for (let round = 0; round < ROUNDS; round++) {
  for (const [i, start] of starts.entries()) {
    const server = await start(0)
    names[i] = server.name
    const load = startRole<typeof loads>('load/subscribers.js', { core: 1 })
    const neighbours = new Neighbours([server.pid, load.pid])
    const options = { ...server.how, port: server.port, concurrency: 100 }
    await load.call('connect', { ...options, count: WARM_UP })
    await load.call('close')
    const before = await settledBytes(server)
    const { elapsedMs, refused } = await load.call('connect', { ...options, count: CONNECTIONS })
    refusals[i]! += refused
    times5000[i]!.push(elapsedMs)
    bytesEach[i]!.push(((await settledBytes(server)) - before) / CONNECTIONS)
    others = Math.max(others, neighbours.cores())
    await Promise.all([load.stop(), server.stop()])
  }
}

const elapsed = times5000.map(median)
table(
  ['', 'all in, ms', 'connects/s', 'time over bare', 'refused', 'bytes each'],
  names.map((name, i) => [
    name,
    ms(elapsed[i]!),
    count((CONNECTIONS / elapsed[i]!) * 1000),
    times(elapsed[i]! / elapsed[1]!),
    String(refusals[i]),
    count(median(bytesEach[i]!)),
  ]),
)
sharedMachine(others)

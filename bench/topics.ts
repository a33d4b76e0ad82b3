import { Neighbours } from './lib/machine.ts'
import { fleetwire, type Peer, socketIo } from './lib/peers.ts'
import { count, heading, note, sharedMachine, table, times } from './lib/report.ts'
import { pinning, startRole } from './lib/start-role.ts'
import { median } from './lib/stats.ts'
import { receiversOf, type Shape, subscriptions, type Wanted } from './lib/topics.ts'
import type { loads } from './load/subscribers.ts'

/** Many topics with few subscribers each: the cost of an event must depend only on the number of its receivers. */

const DELIVERIES = 20_000
const ROUNDS = 3
const GRID: Shape[] = [100, 1000, 10_000].flatMap(topics =>
  [200, 2000].map((connections): Shape => ({ topics, connections, receivers: 'mixed' })),
)
const WIDTHS: Shape[] = [1, 3, 10, 100].map(receivers => ({ topics: 1000, connections: 2000, receivers }))

heading('Many topics', [
  `Events of about 256 bytes to topics in turn, one event per turn of the event loop, without a pause; ${pinning}.`,
  'fleetwire: the whole path after the log. Each event has 1 to 3 receivers, half of them by `*` and `>`: 2 on average.',
  'Socket.IO: `io.to(room).emit`; it has no patterns, so its clients join every room by name.',
  'With 2,000 sockets each is cold when its turn comes, for the kernel too: both servers pay for that.',
  `CPU of the server. ${ROUNDS} rounds of ${count(DELIVERIES)} deliveries, all counted on arrival; medians.`,
])

interface Server extends Peer {
  /** The frame that subscribes a client; `how` has the rest. */
  ask(wanted: Wanted): string
  flatOut(options: { events: number; topics: number }): Promise<number>
}

const fleetwirePeer = await fleetwire(0)
const ours: Server = {
  ...fleetwirePeer,
  how: { ...fleetwirePeer.how, hello: [], readyAfterFrames: 1 },
  ask: ({ patterns }) => JSON.stringify({ type: 'subscribe', payload: { topics: patterns, snapshot: false } }),
  flatOut: options => fleetwirePeer.role.call('flatOut', options),
}
const socketIoPeer = await socketIo(0)
const theirs: Server = {
  ...socketIoPeer,
  ask: ({ rooms }) => `42${JSON.stringify(['join', rooms])}`,
  flatOut: options => socketIoPeer.role.call('flatOut', options),
}
const neighbours = new Neighbours([ours.pid, theirs.pid])

/** CPU time of the server per event, µs. */
async function measure(server: Server, shape: Shape): Promise<number> {
  const load = startRole<typeof loads>('load/subscribers.js', { core: 1 })
  const { refused } = await load.call('connect', {
    ...{ ...server.how, port: server.port, own: subscriptions(shape).map(server.ask) },
    ...{ count: shape.connections, concurrency: 50 },
  })
  if (refused > 0) throw new Error(`${server.name}: ${refused} subscribers were refused`)
  const events = Math.ceil(DELIVERIES / receiversOf(shape))
  const due = events * receiversOf(shape)
  const figures: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    await load.call('countFrames')
    const startedAt = performance.now()
    const cpuMs = await server.flatOut({ events, topics: shape.topics })
    if (round > 0) figures.push((cpuMs * 1000) / events)
    for (let arrived = 0; arrived !== due; arrived = await load.call('frames')) {
      if (arrived > due || performance.now() - startedAt > 20_000)
        throw new Error(`${server.name}: ${arrived} deliveries of ${due}`)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
  await load.stop()
  return median(figures)
}

async function compare(name: (shape: Shape) => string[], head: string[], shapes: Shape[]): Promise<number[]> {
  const rows: string[][] = []
  const all: number[] = []
  for (const shape of shapes) {
    const own = await measure(ours, shape)
    const other = await measure(theirs, shape)
    const receivers = receiversOf(shape)
    all.push(own)
    rows.push([
      ...name(shape),
      own.toFixed(1),
      times(own / all[0]!),
      (own / receivers).toFixed(1),
      other.toFixed(1),
      times(other / own),
    ])
  }
  table([...head, 'CPU µs per event', 'to the first', 'per delivery', 'Socket.IO', 'takes'], rows)
  return all
}

note('As many receivers, more topics and connections:')
const grid = await compare(
  ({ topics, connections }) => [`${count(topics)} topics`, count(connections)],
  ['', 'connections'],
  GRID,
)
note('More receivers (1,000 topics, 2,000 connections):')
await compare(shape => [String(receiversOf(shape))], ['receivers'], WIDTHS)
note(`100 times the topics and 10 times the connections: an event costs ${times(grid.at(-1)! / grid[0]!)}.`)
sharedMachine(neighbours.cores())
await Promise.all([ours.stop(), theirs.stop()])

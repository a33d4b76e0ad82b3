import { spawnSync } from 'node:child_process'
import { fillStore } from './lib/fill-store.ts'
import { agentIdAt, type FleetSize } from './lib/fleet.ts'
import { type Fleetwire, mint, newDataDir, startFleetwire } from './lib/fleetwire.ts'
import { Neighbours } from './lib/machine.ts'
import { count, heading, ms, note, sharedMachine, table, times } from './lib/report.ts'
import { startRole } from './lib/start-role.ts'
import { percentile } from './lib/stats.ts'
import type { readers } from './load/readers.ts'
import type { bareListing } from './servers/bare-listing.ts'

/** Lists of a large fleet: the start-up time of the server, and the time per page. */

const now = Date.now()
const SIZE: FleetSize = { agents: 10_000, commands: 100_000, tasks: 20_000, now }
const REQUESTS = 60
const WARM_UP = 10
const WANTED_MS = 20
const WANTED_START_MS = 3000

heading(`Lists of ${count(SIZE.agents)} agents, ${count(SIZE.commands)} commands, ${count(SIZE.tasks)} tasks`, [
  'fleetwire: `fleetwire serve` as it is, on a store file that was written through the log.',
  'bare listing: Fastify and SQLite, same driver, the same rows, an index per filter, a SELECT per request; no token.',
  `Each query ${REQUESTS} times on one connection, the servers in turn; from the request to the last byte of its page.`,
  'Pages of 50, the default, unless stated otherwise. Nothing is pinned.',
])

const dataDir = await newDataDir()
const peer = startRole<typeof bareListing>('servers/bare-listing.js')
const load = startRole<typeof readers>('load/readers.js')
const filledAt = performance.now()
await Promise.all([fillStore(dataDir, SIZE), peer.call('fill', SIZE)])
note(`Filled in ${((performance.now() - filledAt) / 1000).toFixed(1)} s.`)

// Flush pending writes of the filling, so that they do not count as part of the start.
spawnSync('sync')

/** Starts a server; `readyMs` is the time until it accepts work. */
async function start(dir?: string): Promise<{ server: Fleetwire; readyMs: number }> {
  const startedAt = performance.now()
  // A long heartbeat interval keeps presence unchanged: none of these agents reconnects.
  const server = await startFleetwire({ FLEETWIRE_AGENT_HEARTBEAT_MS: '600000' }, dir)
  while ((await fetch(`${server.url}/ready`)).status !== 200);
  return { server, readyMs: performance.now() - startedAt }
}
const empty = await start()
await empty.server.stop()
const { server, readyMs } = await start(dataDir)
note(
  `Start until ready: ${ms(readyMs)} ms, on an empty folder ${ms(empty.readyMs)} ms; target: below ${WANTED_START_MS} ms.`,
)
note('')

const neighbours = new Neighbours([server.pid, load.pid, peer.pid])
const servers = [
  { port: server.port, token: server.token },
  { port: await peer.call('listen'), token: 'none' },
]
const deep = (path: string, pages: number) =>
  Promise.all(servers.map(where => load.call('walk', { ...where, path: `/api/v1/${path}`, pages })))
const [farCommands, farTasks] = [await deep('commands', 180), await deep('tasks', 36)]
const hour = now - 3_600_000
const queries: [string, string, cursors?: string[]][] = [
  ['agents', 'agents'],
  ['agents, 500', 'agents?limit=500'],
  ['agents, after 9,000', `agents?cursor=${agentIdAt(9000)}`],
  ['agents, status=error', 'agents?status=error'],
  ['commands', 'commands'],
  ['commands, 500', 'commands?limit=500'],
  ['commands, after 90,000', 'commands?', farCommands],
  ['commands, status=running', 'commands?status=running'],
  ['commands, three statuses', 'commands?status=queued,dispatched,running'],
  ['commands, one agent', `commands?agentId=${agentIdAt(4000)}`],
  ['commands, agent and status', `commands?agentId=${agentIdAt(4000)}&status=running`],
  ['commands, one task', 'commands?taskId=task_00000000000000000000012345'],
  ['commands, one batch', 'commands?parentId=bat_00000000000000000000000042'],
  ['commands, last hour', `commands?createdAfter=${hour}`],
  ['commands, last second', `commands?createdAfter=${now - 1000}`],
  ['commands, last hour, failed', `commands?createdAfter=${hour}&status=failed`],
  ['tasks', 'tasks'],
  ['tasks, 500', 'tasks?limit=500'],
  ['tasks, after 18,000', 'tasks?', farTasks],
  ['tasks, status=running', 'tasks?status=running'],
  ['tasks, one agent', `tasks?agentId=${agentIdAt(4000)}`],
  ['tasks, one parent', 'tasks?parentTaskId=task_00000000000000000000012340'],
  ['tasks, last second', `tasks?createdAfter=${now - 1000}`],
]

let slowest = 0
const rows: string[][] = []
for (const [name, query, cursors] of queries) {
  const asked = servers.map((where, i) => ({
    ...where,
    path: `/api/v1/${query}${cursors === undefined ? '' : `cursor=${cursors[i]}`}`,
  }))
  const items = await Promise.all(asked.map(where => load.call('items', where)))
  if (items[0] !== items[1]) throw new Error(`${name}: ${items[0]} items here, ${items[1]} there`)
  const figures: { p50: number; p95: number }[] = []
  for (const where of asked) {
    await load.call('run', { ...where, times: WARM_UP })
    const latencies = await load.call('run', { ...where, times: REQUESTS })
    figures.push({ p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95) })
  }
  const [ours, bare] = figures as [(typeof figures)[0], (typeof figures)[0]]
  slowest = Math.max(slowest, ours.p50)
  rows.push([
    name,
    String(items[0]),
    ms(ours.p50),
    ms(ours.p95),
    ms(bare.p50),
    ms(bare.p95),
    times(ours.p50 / bare.p50),
  ])
}
table(['', 'items', 'fleetwire p50', 'p95', 'bare p50', 'p95', 'time over bare'], rows)

const team = await mint(server, 'viewer', 'team', ['agent-000*'])
const narrow = { port: server.port, token: team, path: '/api/v1/commands' }
await load.call('run', { ...narrow, times: WARM_UP })
const latencies = await load.call('run', { ...narrow, times: REQUESTS })
slowest = Math.max(slowest, percentile(latencies, 0.5))
note(
  `commands, with a token that may see 100 of the agents: p50 ${ms(percentile(latencies, 0.5))} ms, p95 ${ms(percentile(latencies, 0.95))} ms.`,
)
note(`The slowest median is ${ms(slowest)} ms; target: below ${WANTED_MS} ms each.`)
sharedMachine(neighbours.cores())
await Promise.all([load.stop(), peer.stop(), server.stop()])

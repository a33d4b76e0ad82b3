import { type Fleetwire, mint, startFleetwire } from './lib/fleetwire.ts'
import { Neighbours } from './lib/machine.ts'
import { heading, ms, note, sharedMachine, table } from './lib/report.ts'
import { startRole } from './lib/start-role.ts'
import { percentile } from './lib/stats.ts'
import type { busyAgent } from './load/busy-agent.ts'
import type { bareAgents } from './servers/bare-agents.ts'

/** How long an interrupt takes to reach an agent whose socket is busy with other traffic. */

const ROUNDS = 150
const WARM_UP = 10
const BALLAST = 'Read all of this before you begin. '.repeat(1700)
const BALLASTS = 18
const MiB = 1024 * 1024
const WANTED_P99_MS = 50

heading('Interrupts', [
  'From the POST that asks for it until the agent’s process has the `command:interrupt` frame, one clock.',
  'fleetwire: `fleetwire serve`; the request to stop is on disk before it is answered and sent.',
  'ws: one socket, `send` in the order of the calls; an HTTP request is a `send`. Nothing is stored.',
  `Commands queued: ${BALLASTS} of 60 kB (1 MiB) wait for an agent that has read nothing so far, and then reads 64 KiB every 2 ms.`,
  'Output in transit: the agent has just written 1 MiB of `terminal:output`, which the server must take in.',
  `${ROUNDS} interrupts each, one after the other. Nothing is pinned.`,
])

interface Server {
  name: string
  pid: number
  port: number
  url: string
  path: string
  token: string
  agentToken: string
  begun: number
  inTheWay: number
  /** Resolves with the id of the command once it has been submitted. */
  submit(input: string): Promise<string>
}

async function submitted({ url, token }: Fleetwire, input: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/agents/busy/commands`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'prompt', input }),
  })
  return ((await response.json()) as { commandId: string }).commandId
}

const fleetwire = await startFleetwire({ FLEETWIRE_FRAME_RATE: '100000', FLEETWIRE_FRAME_BURST: '100000' })
const bare = startRole<typeof bareAgents>('servers/bare-agents.js')
const barePort = await bare.call('listen')
const servers: Server[] = [
  {
    ...{ name: 'fleetwire', pid: fleetwire.pid, port: fleetwire.port, url: fleetwire.url, path: '/agent' },
    ...{ token: fleetwire.token, agentToken: await mint(fleetwire, 'agent', 'busy') },
    ...{ begun: 0, inTheWay: 0 },
    submit: input => submitted(fleetwire, input),
  },
  {
    ...{ name: 'ws, a queue', pid: bare.pid, port: barePort, url: `http://127.0.0.1:${barePort}`, path: '/' },
    ...{ token: 'none', agentToken: 'none' },
    ...{ begun: 0, inTheWay: 0 },
    submit: input => bare.call('submit', input),
  },
]
const agents = servers.map(() => startRole<typeof busyAgent>('load/busy-agent.js'))
for (const [i, { port, path, agentToken }] of servers.entries())
  await agents[i]!.call('connect', { port, path, token: agentToken })
const neighbours = new Neighbours([...servers.map(({ pid }) => pid), ...agents.map(({ pid }) => pid)])

type Situation = (server: Server, agent: (typeof agents)[number], commandId: string) => Promise<number>

const situations: [string, Situation][] = [
  [
    'nothing else',
    ({ url, token }, agent, commandId) => agent.call('interrupt', { url, token, commandId, outputBytes: 0 }),
  ],
  [
    'commands queued',
    async (server, agent, commandId) => {
      const { url, token, submit } = server
      await agent.call('stall')
      await Promise.all(Array.from({ length: BALLASTS }, () => submit(BALLAST)))
      server.inTheWay += BALLASTS
      return agent.call('interrupt', { url, token, commandId, outputBytes: 0, crawlMs: 2 })
    },
  ],
  [
    'output in transit',
    ({ url, token }, agent, commandId) => agent.call('interrupt', { url, token, commandId, outputBytes: MiB }),
  ],
]

const rows: string[][] = []
let slowest = 0
for (const [name, situation] of situations) {
  for (const [i, server] of servers.entries()) {
    const agent = agents[i]!
    const latencies: number[] = []
    for (let round = 0; round < WARM_UP + ROUNDS; round++) {
      const commandId = await server.submit('Look into it.')
      await agent.call('begun', ++server.begun)
      const latencyMs = await situation(server, agent, commandId)
      if (round >= WARM_UP) latencies.push(latencyMs)
      await agent.call('settled', server.inTheWay)
    }
    const p99 = percentile(latencies, 0.99)
    if (i === 0) slowest = Math.max(slowest, p99)
    rows.push([name, server.name, ms(percentile(latencies, 0.5)), ms(p99)])
  }
}
table(['', '', 'p50 ms', 'p99 ms'], rows)
note(`The slowest p99 is ${ms(slowest)} ms; target: below ${WANTED_P99_MS} ms.`)
sharedMachine(neighbours.cores())
await Promise.all([...agents.map(agent => agent.stop()), fleetwire.stop(), bare.stop()])

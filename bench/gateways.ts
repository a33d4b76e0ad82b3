import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BenchCluster } from './lib/bench-cluster.ts'
import { newDataDir } from './lib/fleetwire.ts'
import { childrenOf, cpuMsOf, Neighbours, residentBytesOf } from './lib/machine.ts'
import { heading, note, sharedMachine, table } from './lib/report.ts'
import { startRole } from './lib/start-role.ts'
import { agentIdOf } from './lib/stream-dialects.ts'
import type { streams } from './load/streams.ts'

/** What `fleetwire serve --gateways N` costs: CPU time and memory of each process, idle and with viewers. */

const VIEWERS = Number(process.env.VIEWERS ?? 1000)
const EVENTS_PER_SECOND = 10
const ROUND_MS = Number(process.env.ROUND_MS ?? 10_000)
/** Time to compile code and to return the memory of the start. */
const WARM_UP_MS = Number(process.env.WARM_UP_MS ?? 30_000)
const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
const agentId = agentIdOf(0)

heading('Gateways on one machine', [
  'Three NATS servers (sync_interval: always), `fleetwire serve --gateways N`, and the load, on one machine, not pinned.',
  `${VIEWERS} viewers connect through the one port, all to one agent, which then reports ${EVENTS_PER_SECOND} events a second.`,
  `CPU time over ${ROUND_MS / 1000} s each, as a share of a core; idle: ${WARM_UP_MS / 1000} s after the start. Memory: resident set.`,
])

const nats = await BenchCluster.start({})
try {
  for (const gateways of [1, 2]) await measure(gateways)
} finally {
  await nats.stop()
}

async function measure(gateways: number): Promise<void> {
  const dataDir = await newDataDir()
  const servers = nats.natsServers.map(({ port }) => `nats://127.0.0.1:${port}`)
  const child = spawn(process.execPath, [main, 'serve', '--gateways', String(gateways)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...{ PATH: process.env.PATH, HOME: dataDir, FLEETWIRE_DATA_DIR: dataDir, FLEETWIRE_PORT: '0' },
      ...{ FLEETWIRE_NATS_URL: servers.join(','), FLEETWIRE_NAMESPACE: `gateways-${gateways}`, FLEETWIRE_NODE: 'node' },
      ...{ FLEETWIRE_JWT_SECRET: nats.secret, FLEETWIRE_LOG_LEVEL: 'warn' },
      FLEETWIRE_MAX_CONNECTIONS_PER_PRINCIPAL: '100000',
    },
  })
  const role = startRole<typeof streams>('load/streams.js')
  try {
    const port = await new Promise<number>(resolve => {
      let output = ''
      // Keep reading after the match: nodes write there too.
      child.stdout.on('data', chunk => {
        output += chunk
        const found = /listens at http:\S+:(\d+)/.exec(output)
        if (found !== null) resolve(Number(found[1]))
      })
    })
    const { active, nodes } = await settled(port, child.pid!, gateways + 1)
    const processes = [{ name: 'the one that accepts', pid: child.pid! }, ...nodes]
    const neighbours = new Neighbours([role.pid, ...processes.map(({ pid }) => pid)])
    await delay(WARM_UP_MS)
    const cpu = () => processes.map(({ pid }) => cpuMsOf(pid))
    const memory = () => processes.map(({ pid }) => residentBytesOf(pid) / 2 ** 20)
    const over = async (forMs: number) => {
      const before = cpu()
      await delay(forMs)
      return cpu().map((after, i) => `${(((after - before[i]!) * 100) / forMs).toFixed(1)} %`)
    }
    const idle = { cpu: await over(ROUND_MS), memory: memory() }
    const handing = cpu()
    await role.call('connect', {
      ...{
        dialect: 'joined',
        port,
        agentTokens: [nats.sign('agent', agentId)],
        viewerToken: nats.sign('admin', 'viewer'),
      },
      ...{ viewersEach: VIEWERS, viewersOfAll: 0 },
    })
    const connecting = cpu().map((after, i) => `${(((after - handing[i]!) * 1000) / VIEWERS).toFixed(0)} µs`)
    const full = memory()
    await role.call('begin', { what: 'event', pacing: { kind: 'rate', perSecond: EVENTS_PER_SECOND } })
    await delay(2000)
    const busy = await over(ROUND_MS)
    await role.call('end')
    note(`--gateways ${gateways}:`)
    table(
      ['', 'idle', 'memory', 'per connection', 'memory with viewers', 'with events'],
      processes.map(({ name }, i) => [
        name === active ? `${name}, the active one` : name,
        ...[idle.cpu[i]!, `${idle.memory[i]!.toFixed(0)} MiB`, connecting[i]!, `${full[i]!.toFixed(0)} MiB`, busy[i]!],
      ]),
    )
    sharedMachine(neighbours.cores())
    await role.call('close')
  } finally {
    await role.stop()
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
    await rm(dataDir, { recursive: true })
  }
}

/** Resolves when all nodes are running and one of them is active. */
async function settled(port: number, pid: number, size: number) {
  for (const until = performance.now() + 60_000; performance.now() < until; await delay(200)) {
    const answer = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined)
    const body = (await answer?.json().catch(() => undefined)) as { cluster?: { active?: string } } | undefined
    const nodes = childrenOf(pid).map(child => ({
      pid: child,
      name: /FLEETWIRE_NODE=([^\0]+)/.exec(readFileSync(`/proc/${child}/environ`, 'utf8'))?.[1] ?? '',
    }))
    if (answer?.ok && body?.cluster?.active && nodes.length === size) return { active: body.cluster.active, nodes }
  }
  throw new Error('the nodes are not ready within 60 s')
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cpuMsOf, Neighbours } from './lib/machine.ts'
import { count, heading, sharedMachine, table } from './lib/report.ts'
import { median } from './lib/stats.ts'

/** How long users wait for the CLI, and deployments for the server. */

const RUNS = Number(process.env.RUNS ?? 15)
const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))

heading('Start-up', [
  'Wall time from spawn to exit; for the server, from spawn to the line that says where it listens, on an empty folder.',
  '`ps` queries a separate server that is already running, with a token. CPU time is that of the server until it is ready.',
  `${RUNS} runs of each, in turn; medians, and the best. node -e 0 is what Node itself takes.`,
])

interface Case {
  name: string
  reachMs?: number
  wallMs: number[]
  cpuMs: number[]
  run(): Promise<{ wallMs: number; cpuMs?: number }>
}

async function toExit(args: string[], env: Record<string, string> = {}): Promise<{ wallMs: number }> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, args, { stdio: 'ignore', env: { ...process.env, ...env } })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`)
  return { wallMs: performance.now() - startedAt }
}

async function startServer() {
  const dir = await mkdtemp(join(tmpdir(), 'fleetwire-start-up-'))
  const env = { ...process.env, FLEETWIRE_DATA_DIR: dir, FLEETWIRE_PORT: '0' }
  const startedAt = performance.now()
  const child = spawn(process.execPath, [main, 'serve'], { stdio: ['ignore', 'pipe', 'inherit'], env })
  let output = ''
  let url: string | undefined
  while (url === undefined) {
    const [chunk] = await once(child.stdout, 'data')
    output += chunk
    url = /Fleetwire listens at (\S+)/.exec(output)?.[1]
  }
  const wallMs = performance.now() - startedAt
  const cpuMs = cpuMsOf(child.pid!)
  child.stdout.resume()
  const stop = async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
    await rm(dir, { recursive: true })
  }
  return { pid: child.pid!, dir, url, wallMs, cpuMs, stop }
}

const server = await startServer()
// A process that can read the server's secret acts as its admin.
const asAdmin = { FLEETWIRE_URL: server.url, FLEETWIRE_DATA_DIR: server.dir }
const cases: Case[] = [
  { name: 'node -e 0', wallMs: [], cpuMs: [], run: () => toExit(['-e', '0']) },
  { name: 'fleetwire --version', reachMs: 150, wallMs: [], cpuMs: [], run: () => toExit([main, '--version']) },
  { name: 'fleetwire --help', wallMs: [], cpuMs: [], run: () => toExit([main, '--help']) },
  { name: 'fleetwire ps', reachMs: 300, wallMs: [], cpuMs: [], run: () => toExit([main, 'ps'], asAdmin) },
  {
    name: 'server ready',
    reachMs: 500,
    wallMs: [],
    cpuMs: [],
    async run() {
      const { wallMs, cpuMs, stop } = await startServer()
      await stop()
      return { wallMs, cpuMs }
    },
  },
]

// Measure how much CPU other processes use while the benchmark is idle.
const neighbours = new Neighbours([server.pid])
await setTimeout(2000)
const others = neighbours.cores()
for (let i = 0; i < RUNS; i++) {
  for (const each of cases) {
    const { wallMs, cpuMs } = await each.run()
    each.wallMs.push(wallMs)
    if (cpuMs !== undefined) each.cpuMs.push(cpuMs)
  }
}
await server.stop()

const inMs = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? '–' : `${count(value)} ms`)
table(
  ['', 'median', 'best', 'CPU', 'reach'],
  cases.map(({ name, reachMs, wallMs, cpuMs }) => [
    name,
    inMs(median(wallMs)),
    inMs(Math.min(...wallMs)),
    cpuMs.length === 0 ? '–' : inMs(median(cpuMs)),
    reachMs === undefined ? '–' : `≤ ${inMs(reachMs)}`,
  ]),
)
sharedMachine(others)

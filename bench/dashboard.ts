import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuMsOf, residentBytesOf } from './lib/machine.ts'
import { count, heading, ms, note, percent, table } from './lib/report.ts'
import { startRole } from './lib/start-role.ts'
import { percentile } from './lib/stats.ts'
import type { busyFleet } from './load/busy-fleet.ts'
import type { Measured, Measuring } from './pages/measure.ts'
import type { measuredDashboard } from './servers/measured-dashboard.ts'

/** How the dashboard copes with a large, busy fleet, in a real Chromium that no debugger drives during measurements. */

const AGENTS = Number(process.env.AGENTS ?? 1000)
const BUSY = AGENTS / 2
const ROUNDS = Number(process.env.ROUNDS ?? 3)
const FOR_MS = Number(process.env.FOR_MS ?? 10_000)
const WARM_UP_MS = 3000
const STOPS = 20
const LATE_MS = 60_000
/** `LONG=10` keeps the page of a busy fleet open for ten minutes, and reads memory after the first and the last. */
const LONG_MINUTES = Number(process.env.LONG ?? 0)
const MiB = 1024 * 1024

const chromium = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find(path => path !== undefined && existsSync(path))
if (chromium === undefined)
  throw new Error('Chromium was not found: apt-get install chromium, or set CHROMIUM to its path')

heading('Dashboard', [
  'Chromium without a debugger, software painting (--disable-gpu), 1440×900; the page times itself and posts the result.',
  'Server, agents and browser share the machine. fps: 1000 / the median time between frames; p95, p99: of those times.',
  `${AGENTS} agents of the SDK over real sockets; events are counted as they arrive on the page’s socket.`,
  `${ROUNDS} rounds of ${FOR_MS / 1000} s each, a new browser each time; the medians are printed.`,
])

const server = startRole<typeof measuredDashboard>('servers/measured-dashboard.js')
const { url, token } = await server.call('listen')
const fleet = startRole<typeof busyFleet>('load/busy-fleet.js')
const ids = Array.from({ length: AGENTS }, (_, i) => `agent-${String(i).padStart(4, '0')}`)
const tokens: string[] = []
for (const id of ids) tokens.push(await server.call('mint', id, 'agent'))
await fleet.call('connect', url, ids, tokens)

interface Seen extends Measured {
  rendererBytes: number
  rendererCpu: number
  sent: number
}

function processesOf(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(name => {
      try {
        return Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[1]) === pid
      } catch {
        return false
      }
    })
    .map(Number)
  return [...children, ...children.flatMap(processesOf)]
}

/** The process of the page: the largest of the browser's renderers. */
function rendererOf(browser: ChildProcess): number {
  const renderers = processesOf(browser.pid!).filter(pid => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')
    } catch {
      return false
    }
  })
  return renderers.sort((a, b) => residentBytesOf(b) - residentBytesOf(a))[0]!
}

async function open(path: string, measuring: Omit<Measuring, 'token'>): Promise<Seen> {
  await server.call('prepare', { ...measuring, token })
  const profile = mkdtempSync(join(tmpdir(), 'fleetwire-bench-'))
  const browser = spawn(
    chromium!,
    [
      ...[
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
      ],
      ...['--disable-sync', '--no-first-run', '--enable-precise-memory-info', '--window-size=1440,900'],
      ...[`--user-data-dir=${profile}`, url + path],
    ],
    // In its own process group, so that all its processes end.
    { stdio: 'ignore', detached: true },
  )
  try {
    await fleet.call('takeSent')
    const began = performance.now()
    const result = await inTime(server.call('result'), measuring.warmUpMs + measuring.forMs + measuring.stops * 5000)
    const renderer = rendererOf(browser)
    return {
      ...result,
      rendererBytes: residentBytesOf(renderer),
      rendererCpu: cpuMsOf(renderer) / (performance.now() - began),
      sent: await fleet.call('takeSent'),
    }
  } finally {
    process.kill(-browser.pid!, 'SIGKILL')
    await once(browser, 'exit')
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}

/** A page that never shows what the benchmark waits for must not block the run forever. */
async function inTime<T>(promise: Promise<T>, ms: number): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('the page has not posted its result')), ms + LATE_MS).unref()
  })
  return Promise.race([promise, late])
}

const middle = (values: number[]): number => percentile([...values], 0.5)

/** One row of the table: the medians of the rounds. */
async function measured(name: string, path: string, measuring: Partial<Measuring>): Promise<string[]> {
  const rounds: Seen[] = []
  for (let i = 0; i < ROUNDS; i++) {
    rounds.push(
      await open(path, {
        ...{ counts: [], until: '[data-agent-id]', warmUpMs: WARM_UP_MS, forMs: FOR_MS, stops: 0 },
        ...measuring,
      }),
    )
  }
  const of = (value: (seen: Seen) => number) => middle(rounds.map(value))
  const gap = (fraction: number) => of(({ gaps }) => percentile([...gaps], fraction))
  const seconds = (measuring.forMs ?? FOR_MS) / 1000
  return [
    name,
    count(1000 / gap(0.5)),
    ms(gap(0.95)),
    ms(gap(0.99)),
    percent(of(({ gaps }) => gaps.filter(one => one > 33).length / gaps.length)),
    count(of(({ received }) => received / seconds)),
    percent(of(({ rendererCpu }) => rendererCpu)),
    `${count(of(({ rendererBytes }) => rendererBytes / MiB))}`,
    `${count(of(({ heapBytes }) => heapBytes / MiB))}`,
  ]
}

async function command(kind: string, input: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/agents/${ids[0]}/commands`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ kind, input }),
  })
  return ((await response.json()) as { commandId: string }).commandId
}

const interrupt = (commandId: string) =>
  fetch(`${url}/api/v1/commands/${commandId}/interrupt`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })

const rows: string[][] = []
const visible: number[] = []
for (let i = 0; i < ROUNDS; i++) {
  const { visibleMs } = await open('/', { counts: [], until: '[data-agent-id]', warmUpMs: 0, forMs: 0, stops: 0 })
  visible.push(visibleMs)
}
rows.push(await measured(`fleet of ${AGENTS}, idle`, '/', {}))
await fleet.call('tell', BUSY, 10)
rows.push(await measured(`${BUSY} of them report 10 changes a second`, '/', { counts: ['agent:status'] }))
for (const minutes of LONG_MINUTES > 0 ? [1, LONG_MINUTES] : []) {
  const seen = await open('/', {
    ...{ counts: ['agent:status'], until: '[data-agent-id]', warmUpMs: WARM_UP_MS, forMs: minutes * 60_000, stops: 0 },
  })
  const memory = `RSS ${count(seen.rendererBytes / MiB)} MiB, heap ${count(seen.heapBytes / MiB)} MiB`
  note(`Busy fleet, open for ${minutes} min: ${memory}, ${count(1000 / percentile([...seen.gaps], 0.5))} fps.`)
}
await fleet.call('rest')
for (const perSecond of [1000, 10_000]) {
  const talk = await command('prompt', String(perSecond))
  rows.push(
    await measured(`an answer of ${count(perSecond)} deltas a second, open`, `/agents/${ids[0]}?tab=conversation`, {
      counts: ['message:delta'],
    }),
  )
  await interrupt(talk)
}
await fleet.call('write', 5 * MiB)
rows.push(
  await measured('a terminal of 5 MiB a second, open', `/agents/${ids[0]}?tab=terminal`, {
    counts: ['terminal:output'],
  }),
)
await fleet.call('rest')

await fleet.call('takeStops')
for (let i = 0; i < STOPS; i++) await command('shell', 'sleep')
const { stoppedAt } = await open(`/agents/${ids[0]}`, {
  ...{ counts: [], until: '[data-agent-id]', warmUpMs: 1000, forMs: 0, stops: STOPS },
})
const reached = await fleet.call('takeStops')
const delays = stoppedAt.map((at, index) => (reached[index] ?? Number.NaN) - at).filter(Number.isFinite)

table(['', 'fps', 'p95 ms', 'p99 ms', '> 33 ms', 'messages or events/s', 'renderer CPU', 'RSS MiB', 'heap MiB'], rows)
note(`Page opened → fleet of ${AGENTS} visible: ${ms(middle(visible))} ms (median of ${ROUNDS}, cold browser each).`)
note(
  `Stop pressed → at the agent: p50 ${ms(middle(delays))} ms, p99 ${ms(percentile([...delays], 0.99))} ms (${delays.length} times).`,
)
note(`Machine load at the end: ${loadavg()[0]!.toFixed(1)}. A joined delta is one event however many parts it has.`)
await fleet.stop()
await server.call('close')
await server.stop()

import { get } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { test } from 'tap'
import { size, some } from '../helpers/sizes.ts'
import {
  after,
  attacks,
  heard,
  KiB,
  look,
  MOST_DELAY_MS,
  MOST_JOIN_MS,
  print,
  screenAttacks,
  sizeOf,
  startStage,
  upTo,
} from '../helpers/terminal-stage.ts'

/** Reads the response to its end and discards it, because decoding megabytes would affect the measurement. */
function statusOf(url: string, token: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { authorization: `Bearer ${token}` } }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    })
    request.on('error', reject)
  })
}

const watch = { agentId: 'hostile' }

const LARGE = [1000, 1000] as const
const ORDINARY = [80, 24] as const
/** Whether each attack runs on the screen size on which its kind costs most, or on both. */
const SCREENS = size('SCREENS', { quick: 1, full: 2 })
const screensFor = (name: string) => (SCREENS > 1 ? [LARGE, ORDINARY] : [name in screenAttacks ? LARGE : ORDINARY])

test('[TM16] whatever a watched terminal prints, the event loop keeps running and other terminals are rendered', async t => {
  const stage = await startStage(t)
  const { hostile, quiet, viewer } = stage
  let quietEnd = print(quiet, 'q', 0, 'quiet ')
  let n = 0
  for (const [name, output] of some('ATTACKS', 9, Object.entries(attacks))) {
    for (const [cols, rows] of screensFor(name)) {
      const terminalId = `h${++n}`
      sizeOf(hostile, n, terminalId, cols, rows)
      print(hostile, terminalId, 0, 'begin')
      viewer.send('terminal:open', { ...watch, terminalId })
      await after(viewer, viewer.frames.length, 'terminal:snapshot', terminalId)
      const delay = monitorEventLoopDelay({ resolution: 5 })
      delay.enable()
      const end = print(hostile, terminalId, 5, output)
      await heard(hostile)
      const from = viewer.frames.length
      // A viewer joins this terminal, so that it must be rendered, and then an unrelated terminal.
      viewer.send('terminal:close', { ...watch, terminalId })
      viewer.send('terminal:open', { ...watch, terminalId })
      const seen = await look(stage, 'q', quietEnd++)
      const payload = await after(viewer, from, 'terminal:snapshot', terminalId)
      delay.disable()
      const delayMs = delay.max / 1e6
      const title = `${name}, ${cols} × ${rows}: the loop ${delayMs.toFixed()} ms, others ${seen.joinMs.toFixed()} and ${seen.outputMs.toFixed()} ms${payload.raw ? ', raw' : ''}`
      t.ok(delayMs < MOST_DELAY_MS && seen.joinMs < MOST_JOIN_MS && seen.outputMs < MOST_DELAY_MS, title)
      t.match(seen.snapshot, { screen: /^quiet/, raw: undefined })
      t.ok(payload.offset <= end)
      viewer.send('terminal:close', { ...watch, terminalId })
    }
  }
})

const RESIZES = size('RESIZES', { quick: 300, full: 1000 })

test('[TM16] extreme resizes cost only the agent that sends them', async t => {
  const stage = await startStage(t)
  const { hostile, quiet, viewer } = stage
  print(quiet, 'q', 0, 'quiet ')
  sizeOf(hostile, 1, 'h', 1000, 1000)
  print(hostile, 'h', 0, 'a line of text 日本 '.repeat(20_000))
  viewer.send('terminal:open', { ...watch, terminalId: 'h' })
  await after(viewer, 0, 'terminal:snapshot', 'h')
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  for (let n = 2; n < RESIZES; n++) {
    const side = n % 2 === 0 ? 1 : 1000
    sizeOf(hostile, n, 'h', side, side)
  }
  await heard(hostile)
  const from = viewer.frames.length
  viewer.send('terminal:close', { ...watch, terminalId: 'h' })
  viewer.send('terminal:open', { ...watch, terminalId: 'h' })
  const seen = await look(stage, 'q', 6)
  const payload = await after(viewer, from, 'terminal:snapshot', 'h')
  delay.disable()
  const delayMs = delay.max / 1e6
  const title = `the loop ${delayMs.toFixed()} ms, others ${seen.joinMs.toFixed()} and ${seen.outputMs.toFixed()} ms${payload.raw ? ', raw' : ''}`
  t.ok(delayMs < MOST_DELAY_MS && seen.joinMs < MOST_JOIN_MS && seen.outputMs < MOST_DELAY_MS, title)
})

test('[TM18] reading unwatched terminals that are slow to render delays no one else', async t => {
  const { hostile, quiet, other, call, token, url } = await startStage(t)
  print(quiet, 'q', 0, 'quiet')
  const nasty = Object.values(attacks)
  for (let i = 0; i < 3; i++) {
    sizeOf(hostile, i + 1, `h${i}`, i % 2 ? 1000 : 200, i % 2 ? 1000 : 50)
    print(
      hostile,
      `h${i}`,
      0,
      upTo(
        2048 * KiB,
        i < 2
          ? '\x1b[2J'
          : nasty
              .slice(i)
              .concat(nasty)
              .join('')
              .slice(0, 512 * KiB),
      ),
    )
  }
  await heard(hostile)
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const reads = Array.from({ length: 3 }, (_, i) =>
    ['text', 'ansi', 'cast'].map(format =>
      statusOf(`${url}/api/v1/agents/hostile/terminal?terminalId=h${i}&format=${format}`, token),
    ),
  ).flat()
  const begin = performance.now()
  const read = await call(other, 'GET', '/api/v1/agents/quiet/terminal?terminalId=q')
  const otherMs = performance.now() - begin
  t.match(read, { status: 200, body: 'quiet\n' })
  const statuses = await Promise.all(reads)
  delay.disable()
  t.same(new Set(statuses), new Set([200]), 'each read is answered')
  const delayMs = delay.max / 1e6
  t.ok(
    delayMs < MOST_DELAY_MS && otherMs < MOST_JOIN_MS,
    `the loop ${delayMs.toFixed()} ms; another terminal ${otherMs.toFixed()} ms`,
  )
})

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { test } from 'tap'
import { size } from '../helpers/sizes.ts'
import {
  after,
  attacks,
  heard,
  look,
  MOST_DELAY_MS,
  MOST_JOIN_MS,
  print,
  sizeOf,
  startStage,
} from '../helpers/terminal-stage.ts'

const watch = { agentId: 'hostile' }

test('[TM16] whatever a watched terminal prints, the loop goes on and other terminals are drawn', async t => {
  const stage = await startStage(t)
  const { hostile, quiet, viewer } = stage
  let quietEnd = print(quiet, 'q', 0, 'quiet ')
  let n = 0
  const largest = [1000, 1000] as const
  const sizes = size('SCREENS', { quick: 1, full: 2 }) > 1 ? [largest, [80, 24] as const] : [largest]
  for (const [cols, rows] of sizes) {
    for (const [name, output] of Object.entries(attacks)) {
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
      // Somebody else joins it, so that it must be drawn, and then a terminal that is none of its business.
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

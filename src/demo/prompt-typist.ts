import type { DashboardTerminal } from '@fleetwire/client/node'
import { systemClock } from '../clock.ts'
import type { Director } from './director.ts'
import { between } from './pause.ts'

const AGENT = 'repl'
const lines = [
  '2 ** 10',
  'const { toRoman } = await import("./src/roman.js")',
  'toRoman(1984)',
  '[..."fleet"].reverse().join("")',
  'const { slugify } = await import("./src/slugify.js")',
  'slugify("Hello, World!")',
  'Array.from({ length: 8 }, (_, i) => i * i)',
  'Math.round(process.memoryUsage.rss() / 2 ** 20) + " MiB"',
  'new Set("mississippi")',
  'os.uptime()',
]
const KEY_MS = { least: 60, most: 160 }
/** Output that appears this long after the last own key is not its echo: somebody else is typing. */
const ECHO_MS = 3_000
/** How long the prompt is left to people after they have typed. */
const QUIET_MS = 90_000

/** Starts a Node REPL and types into it now and then, key by key, but never while a person does. */
export async function typeIntoPrompt(director: Director): Promise<void> {
  const { commandId } = await director.submit({ agentId: AGENT, kind: 'shell', input: 'node' })
  const over = director.ended(commandId).then(() => 'over' as const)
  // Rejects when the demo ends; must not be an unhandled rejection.
  over.catch(() => {})
  let typedAt = systemClock.monotonic()
  let touchedAt = Number.NEGATIVE_INFINITY
  const terminal = director.client.openTerminal({
    agentId: AGENT,
    terminalId: commandId,
    onOutput: () => {
      if (systemClock.monotonic() - typedAt > ECHO_MS) touchedAt = systemClock.monotonic()
    },
  })
  try {
    for (const line of lines) {
      if ((await Promise.race([over, director.pause(between(8_000, 16_000))])) === 'over') break
      while (systemClock.monotonic() - touchedAt < QUIET_MS) await director.pause(5_000)
      typedAt = systemClock.monotonic()
      await type(director, terminal, line, () => {
        typedAt = systemClock.monotonic()
      })
    }
    if ((await Promise.race([over, director.pause(between(10_000, 20_000))])) !== 'over') {
      await type(director, terminal, '.exit')
      await over
    }
  } finally {
    terminal.close()
  }
  await director.pause(between(10_000, 20_000))
}

async function type(director: Director, terminal: DashboardTerminal, line: string, pressed = () => {}): Promise<void> {
  for (const key of `${line}\r`) {
    await terminal.input(key)
    pressed()
    await director.pause(between(KEY_MS.least, KEY_MS.most))
  }
}

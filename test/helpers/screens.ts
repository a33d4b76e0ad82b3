import type { Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import type { TerminalFormat } from '../../src/terminals/render.ts'
import { CHUNK_BYTES, type Screen } from '../../src/terminals/screen.ts'
import { ScreenHost, type ScreenHostOptions } from '../../src/terminals/screen-host.ts'
import type { TerminalHub } from '../../src/terminals/terminal-hub.ts'

/** A rendering thread that stops when the test ends. `faults` and `tooExpensive` collect its reports. */
export function startScreens(
  t: Test,
  options: Partial<ScreenHostOptions> = {},
): { screens: ScreenHost; faults: Error[]; tooExpensive: string[] } {
  const faults: Error[] = []
  const tooExpensive: string[] = []
  const screens = new ScreenHost({
    clock: systemClock,
    onFault: error => faults.push(error),
    onTooExpensive: why => tooExpensive.push(why),
    ...options,
  })
  t.teardown(() => screens.stop())
  return { screens, faults, tooExpensive }
}

/** The rendering that REST would return, as text; undefined if there is no such terminal. */
export async function render(
  hub: TerminalHub,
  agentId: string,
  terminalId: string | undefined,
  format: TerminalFormat,
): Promise<string | undefined> {
  const rendering = await hub.render({ agentId, terminalId, format })
  return rendering.status === 'rendered' ? Buffer.from(rendering.bytes).toString() : undefined
}

/** Renders all data piece by piece. Resolves with the answers to the queries in it. */
export async function draw(screen: Screen, data: string | Uint8Array): Promise<string[]> {
  const bytes = Buffer.from(data)
  const answers: string[] = []
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const chunk = new Uint8Array(bytes.subarray(at, at + CHUNK_BYTES))
    const answer = await new Promise<string>(resolve => screen.draw(screen.end, chunk, resolve))
    if (answer !== '') answers.push(answer)
  }
  return answers
}

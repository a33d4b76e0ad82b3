import { once } from 'node:events'
import type { Test } from 'tap'
import { startApp } from './build.ts'
import { connectWs, type WireFrame, type WsClient } from './ws-client.ts'

export const KiB = 1024
/** A loaded machine alone causes delays of up to a third of a second; without protection, attacks take many seconds. */
export const MOST_DELAY_MS = 1000
/** For other terminals: the other thread renders them in turns with the hostile one. */
export const MOST_JOIN_MS = 5000

const cup = (row: number, col: number) => `\x1b[${row};${col}H`
export const upTo = (bytes: number, text: string) =>
  text.repeat(Math.max(1, Math.floor(bytes / Buffer.byteLength(text))))

/** Output that costs a terminal far more work than its size suggests, and more on larger screens. */
export const screenAttacks: Record<string, string> = {
  'scroll down': upTo(20 * KiB, '\x1b[1000T'),
  'scroll up': upTo(20 * KiB, '\x1b[1000S'),
  'delete lines': upTo(20 * KiB, '\x1b[1000M'),
  'insert lines': upTo(20 * KiB, '\x1b[9999L'),
  'huge counts': ['L', 'M', 'S', 'T', 'P', '@', 'X', 'I', 'Z', 'b', 'A', 'E'].map(f => `\x1b[2147483647${f}`).join('x'),
  'erase the screen': upTo(64 * KiB, '\x1b[2J'),
  'erase from the start': upTo(64 * KiB, `${cup(1000, 1000)}\x1b[1J`),
  'fill the screen': upTo(20 * KiB, '\x1b#8'),
  reset: upTo(20 * KiB, '\x1bc'),
  'the alternate screen': upTo(20 * KiB, '\x1b[?1049h\x1b[?1049l'),
}

/** Such output whose cost does not depend on the screen size. */
export const textAttacks: Record<string, string> = {
  'repeat a character': upTo(20 * KiB, 'x\x1b[9999999b'),
  'insert and delete characters': upTo(64 * KiB, '\x1b[1000@\x1b[1000P'),
  'scroll regions': upTo(64 * KiB, `\x1b[2;999r${cup(999, 1)}\n\n\x1b[r`),
  'reverse index': upTo(64 * KiB, '\x1b[H\x1bM'),
  titles: upTo(128 * KiB, `\x1b]0;${'t'.repeat(200)}\x07`),
  'an OSC that never ends': `\x1b]0;${'o'.repeat(512 * KiB)}`,
  'a DCS that never ends': `\x1bP1$r${'d'.repeat(512 * KiB)}`,
  'an APC that never ends': `\x1b_${'a'.repeat(512 * KiB)}`,
  'a CSI that never ends': `\x1b[${'1;'.repeat(256 * KiB)}`,
  'combining characters': `e${'\u0301'.repeat(256 * KiB)}`,
  'wide characters': upTo(256 * KiB, '日本🙂'),
  'a screen of colours': Array.from(
    { length: 20_000 },
    (_, i) => `\x1b[38;2;${i % 256};1;2;48;2;3;${i % 256};5mx`,
  ).join(''),
  links: upTo(128 * KiB, '\x1b]8;id=x;http://x/\x1b\\l\x1b]8;;\x1b\\'),
  'new lines': '\n'.repeat(256 * KiB),
  queries: upTo(64 * KiB, '\x1b[6n\x1b[c\x1b]11;?\x07'),
  'insert mode': `\x1b[4h${'i'.repeat(128 * KiB)}`,
  'tab stops': upTo(64 * KiB, '\x1bH\t\x1b[3g\t'),
}

export const attacks: Record<string, string> = { ...screenAttacks, ...textAttacks }

export interface Stage {
  hostile: WsClient
  quiet: WsClient
  viewer: WsClient
  /** The token of another user. */
  other: string
  url: string
  call: Awaited<ReturnType<typeof startApp>>['call']
  token: string
}

/** A hostile agent, a quiet one, and a viewer of both. */
export async function startStage(t: Test): Promise<Stage> {
  const unlimited = { FRAME_RATE: 100_000, FRAME_BURST: 100_000, AGENT_FRAME_RATE: 100_000, REST_RATE: 100_000 }
  const { url, token, call } = await startApp(t, { config: unlimited })
  const agent = async (sub: string) => {
    const client = await connectWs(t, url, await token('agent', { sub }), '/agent')
    client.send('agent:connect', { bootId: 'b1', inventory: [] })
    await client.next('connection:established')
    return client
  }
  const [hostile, quiet] = [await agent('hostile'), await agent('quiet')]
  const operator = await token('operator')
  const other = await token('viewer', { sub: 'somebody-else' })
  return { hostile, quiet, viewer: await connectWs(t, url, operator), other, url, call, token: operator }
}

export function sizeOf(agent: WsClient, n: number, terminalId: string, cols: number, rows: number): void {
  agent.raw(JSON.stringify({ type: 'terminal:resize', n, payload: { terminalId, cols, rows } }))
}

/** Sends output like the SDK, in frames of at most 32 KiB. */
export function print(agent: WsClient, terminalId: string, offset: number, text: string): number {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += 32 * KiB) {
    const data = bytes.subarray(at, at + 32 * KiB).toString('base64')
    agent.send('terminal:output', { terminalId, offset: offset + at, data, encoding: 'base64' })
  }
  return offset + bytes.length
}

/** Resolves with the first frame of this type and terminal from index `from` on. */
export async function after(
  viewer: WsClient,
  from: number,
  type: string,
  terminalId: string,
): Promise<WireFrame['payload']> {
  for (let at = from; ; at++) {
    while (at >= viewer.frames.length) await once(viewer.socket, 'message')
    const frame = viewer.frames[at]!
    if (frame.type === type && frame.payload.terminalId === terminalId) return frame.payload
  }
}

/** Measures, in milliseconds, when a new viewer gets the screen, and when it sees a new byte. */
export async function look({ quiet, viewer }: Stage, terminalId: string, offset: number) {
  const from = viewer.frames.length
  const begin = performance.now()
  viewer.send('terminal:open', { agentId: 'quiet', terminalId })
  const snapshot = await after(viewer, from, 'terminal:snapshot', terminalId)
  const joinMs = performance.now() - begin
  const sent = performance.now()
  print(quiet, terminalId, offset, '.')
  await after(viewer, from, 'terminal:output', terminalId)
  return { joinMs, outputMs: performance.now() - sent, snapshot }
}

/** Resolves when the server has handled all frames of the agent. */
export async function heard(agent: WsClient): Promise<void> {
  agent.send('heartbeat', { running: [] })
  await agent.next('heartbeat')
}

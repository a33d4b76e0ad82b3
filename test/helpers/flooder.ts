import { request } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { clientFrame, rawWebSocket } from './raw-websocket.ts'

/*
 * Floods a server from a separate process, so that it does not take CPU time from the process that measures. Messages
 * tell it what to do; `test/attack/floods.test.ts` starts it.
 */
export interface Flood {
  kind: keyof typeof floods
  url: string
  viewer: string
  agent: string
  ms: number
}

const nobody = { teardown() {} } as unknown as Test
const turn = () => new Promise<void>(resolve => setImmediate(resolve))
const text = (type: string, payload: object = {}) => clientFrame(JSON.stringify({ type, payload }))
const many = (count: number, frame: Buffer) => Buffer.concat(Array.from({ length: count }, () => frame))

/** Writes as fast as the server reads, and reconnects whenever it is disconnected. */
async function pour(flood: Flood, until: number, bytes: Buffer, first: Buffer = Buffer.alloc(0), path = '/ws') {
  const token = path === '/agent' ? flood.agent : flood.viewer
  while (performance.now() < until) {
    const socket: Socket = await rawWebSocket(nobody, flood.url, token, { path }).catch(() => undefined as never)
    if (socket === undefined) {
      await turn()
      continue
    }
    socket.resume()
    socket.write(first)
    while (performance.now() < until && !socket.destroyed && !socket.readableEnded) {
      if (socket.writableLength > 4 * 1024 * 1024) await delay(2)
      else socket.write(bytes)
      await turn()
    }
    socket.destroy()
  }
}

function get(url: string, path: string, token?: string): Promise<void> {
  return new Promise(resolve => {
    const asked = request(url + path, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
    asked.on('response', response => response.resume().on('close', resolve))
    asked.on('error', () => resolve())
    asked.end()
  })
}

async function atOnce(count: number, until: number, act: () => Promise<unknown>) {
  const again = async () => {
    while (performance.now() < until) await act()
  }
  await Promise.all(Array.from({ length: count }, again))
}

const upgrade = (url: string, token: string) =>
  new Promise<void>(resolve => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers: { authorization: `Bearer ${token}` } })
    socket.on('open', () => socket.terminate())
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })

const hello = text('agent:connect', { bootId: 'b', inventory: [] })
const topics = Array.from({ length: 64 }, (_, i) => `tasks.t${i}.>`)

export const floods = {
  frames: (flood: Flood, until: number) => pour(flood, until, many(500, text('ping'))),
  'bad frames': (flood: Flood, until: number) => pour(flood, until, many(500, clientFrame('{"type":'))),
  'large frames': (flood: Flood, until: number) => pour(flood, until, text('ping', { x: 'x'.repeat(250_000) })),
  pings: (flood: Flood, until: number) => pour(flood, until, many(1000, clientFrame('x', { opcode: 9 }))),
  pongs: (flood: Flood, until: number) => pour(flood, until, many(1000, clientFrame('', { opcode: 10 }))),
  parts: (flood: Flood, until: number) =>
    pour(flood, until, many(1000, clientFrame('', { opcode: 0, fin: false })), clientFrame('{', { fin: false })),
  subscriptions: (flood: Flood, until: number) =>
    pour(
      flood,
      until,
      many(5, Buffer.concat([text('subscribe', { topics: ['>'] }), text('unsubscribe', { topics: ['>'] })])),
    ),
  'forbidden patterns': (flood: Flood, until: number) =>
    pour(
      flood,
      until,
      many(5, text('subscribe', { topics: Array.from({ length: 1000 }, (_, i) => `users.u${i}.inbox`) })),
    ),
  'many patterns': (flood: Flood, until: number) =>
    pour(flood, until, many(5, Buffer.concat([text('subscribe', { topics }), text('unsubscribe', { topics })]))),
  'frames of an agent': (flood: Flood, until: number) =>
    pour(flood, until, many(100, text('agent:error', { message: 'x'.repeat(200) })), hello, '/agent'),
  'terminal output': (flood: Flood, until: number) =>
    pour(
      flood,
      until,
      many(10, text('terminal:output', { terminalId: 't', offset: 0, data: 'x'.repeat(60_000), encoding: 'utf8' })),
      hello,
      '/agent',
    ),
  upgrades: ({ url, viewer }: Flood, until: number) => atOnce(20, until, () => upgrade(url, viewer)),
  'refused upgrades': ({ url }: Flood, until: number) => atOnce(20, until, () => upgrade(url, 'x.y.z')),
  REST: ({ url, viewer }: Flood, until: number) => atOnce(20, until, () => get(url, '/api/v1/agents', viewer)),
  'REST without a token': ({ url }: Flood, until: number) => atOnce(20, until, () => get(url, '/api/v1/agents')),
} as const

if (process.send !== undefined) {
  process.on('message', async (flood: Flood) => {
    await floods[flood.kind](flood, performance.now() + flood.ms)
    process.send!('done')
  })
}

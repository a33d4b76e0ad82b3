import type { Socket } from 'node:net'
import t from 'tap'
import { startApp } from '../helpers/build.ts'
import { said } from '../helpers/events.ts'
import { clientFrame, rawWebSocket } from '../helpers/raw-websocket.ts'
import { size } from '../helpers/sizes.ts'
import type { WireFrame } from '../helpers/ws-client.ts'
import { connectWs } from '../helpers/ws-client.ts'

/** How much is sent, in Mi characters: several times what the kernel buffers for a reader on loopback. */
const SHARE = size('SLOW_MI', { quick: 4, full: 8 })
/** The speed of the reader, which takes seconds at any size. */
const BYTES_PER_MS = SHARE * 1024
const CHARS = SHARE * 1024 * 1024
const DELTA_CHARS = 64 * 1024
const LIVE_EVENTS = SHARE * 50
/** Events of half a million characters each. */
const LARGE_EVENTS = size('SLOW_EVENTS', { quick: 25, full: 60 })

t.setTimeout(120_000)

/** Reads BYTES_PER_MS and assembles messages according to RFC 6455. Throws if a message violates it. */
class SlowReader {
  readonly frames: WireFrame[] = []
  closeCode: number | undefined
  pings = 0
  #waiting: Buffer = Buffer.alloc(0)
  #parts: Buffer[] = []
  #heard = () => {}
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', chunk => {
      socket.pause()
      setTimeout(() => socket.resume(), chunk.length / BYTES_PER_MS)
      this.#take(chunk)
      this.#heard()
    })
    socket.on('close', () => {
      this.closeCode ??= 1006
      this.#heard()
    })
  }

  async until(isIt: () => boolean): Promise<void> {
    while (!isIt()) {
      if (this.closeCode !== undefined) throw new Error(`closed ${this.closeCode}`)
      await new Promise<void>(resolve => {
        this.#heard = resolve
      })
    }
  }

  #take(chunk: Buffer): void {
    this.#waiting = Buffer.concat([this.#waiting, chunk])
    for (;;) {
      const data = this.#waiting
      if (data.length < 2) return
      const short = data[1]!
      const start = short < 126 ? 2 : short === 126 ? 4 : 10
      if (data.length < start) return
      const length = short < 126 ? short : short === 126 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2))
      if (data.length < start + length) return
      this.#waiting = data.subarray(start + length)
      this.#frame(data[0]!, data.subarray(start, start + length))
    }
  }

  #frame(first: number, payload: Buffer): void {
    const opcode = first & 0x0f
    if (opcode === 8) this.closeCode = payload.readUInt16BE(0)
    if (opcode === 9) {
      this.pings++
      this.#socket.write(clientFrame(payload, { opcode: 10 }))
    }
    if (opcode > 7) return
    if ((opcode === 0) !== this.#parts.length > 0) throw new Error('a message begins in another')
    this.#parts.push(Buffer.from(payload))
    if (first < 0x80) return
    this.frames.push(JSON.parse(Buffer.concat(this.#parts).toString()))
    this.#parts = []
  }
}

t.test('[OB8] [OB3] a slow reader gets a snapshot far larger than its outbox limit, and goes live', async t => {
  const config = { OUTBOX_LIMIT_BYTES: 256 * 1024, HEARTBEAT_MS: 1000, AGENT_FRAME_RATE: 100_000 }
  const { url, token, log } = await startApp(t, { config })
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b1' })
  await agent.next('connection:established')
  const delta = '€'.repeat(DELTA_CHARS)
  const of = { sessionId: 's1', messageId: 'm1' }
  const deltas = CHARS / DELTA_CHARS
  for (let n = 1; n <= deltas; n++) {
    agent.raw(JSON.stringify({ type: 'message:delta', n, payload: { ...of, delta } }))
    if (n % 8 === 0) await agent.next(({ type, payload }) => type === 'report:ack' && payload.n === n)
  }
  const viewer = await token('viewer')
  const subscribe = clientFrame(JSON.stringify({ type: 'subscribe', payload: { topics: ['agents.>'] } }))
  const socket = await rawWebSocket(t, url, viewer)
  const reader = new SlowReader(socket)
  const streamed = readStream(`${url}/api/v1/events/stream?topics=agents.%3E`, viewer, '"message":"last"')
  socket.write(subscribe)

  // More events arrive during the snapshot than the outbox may hold.
  for (let i = 0; i < LIVE_EVENTS; i++) {
    await log.append([said('a1', `${i} ${'x'.repeat(10_000)}`)])
  }
  const text = (frame: WireFrame | undefined): string =>
    frame?.payload.records.find(({ type }: { type: string }) => type === 'message:start')?.payload.text ?? ''
  const snapshot = () => reader.frames.find(frame => frame.type === 'snapshot' && text(frame) !== '')
  await reader.until(() => snapshot() !== undefined)
  t.equal(text(snapshot()).length, CHARS, 'the snapshot has the whole message so far')
  t.ok(reader.pings > 0, 'pings arrive in the middle of the snapshot')
  const seen = () => reader.frames.filter(({ type }) => type === 'agent:error')
  await log.append([said('a1', 'last')])
  await reader.until(() => JSON.stringify(seen().at(-1)?.payload ?? '').includes('last'))
  const cursors = reader.frames.flatMap(({ cursor }) => cursor ?? [])
  t.equal(new Set(cursors).size, cursors.length, 'no event arrives twice')
  const numbers = seen().map(({ payload }) => Number.parseInt(payload.message, 10))
  t.same(
    numbers.slice(0, -1),
    numbers.slice(0, -1).map((_, i) => LIVE_EVENTS - numbers.length + 1 + i),
    'no event is missing',
  )
  t.equal(reader.closeCode, undefined)

  const { chars, end } = await streamed
  t.ok(chars > CHARS, `an HTTP stream gets all of it too: ${chars} characters`)
  t.notOk(end.includes('connection:closing'))
})

/** Reads slowly until `last` arrives. */
async function readStream(url: string, token: string, last: string): Promise<{ chars: number; end: string }> {
  const { body } = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  let chars = 0
  let end = ''
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    chars += chunk.length
    end = (end + chunk).slice(-200_000)
    if (end.includes(last)) break
    await new Promise(resolve => setTimeout(resolve, chunk.length / BYTES_PER_MS))
  }
  return { chars, end }
}

t.test('[OB8] [RS1] a slow reader resumes over events larger than its outbox limit', async t => {
  const config = { OUTBOX_LIMIT_BYTES: 256 * 1024, HEARTBEAT_MS: 1000 }
  const { url, token, log } = await startApp(t, { config })
  const { cursor } = await log.append([said('a1', 'first')]).then(result => ({
    cursor: result.status === 'ok' ? result.events[0]!.cursor : '',
  }))
  for (let i = 0; i < LARGE_EVENTS; i++) await log.append([said('a1', `${i} ${'x'.repeat(500_000)}`)])
  await log.append([said('a1', 'last')])
  const socket = await rawWebSocket(t, url, await token('viewer'))
  const reader = new SlowReader(socket)
  socket.write(
    clientFrame(
      JSON.stringify({ type: 'dashboard:connect', payload: { resume: { cursor }, subscribe: ['agents.>'] } }),
    ),
  )
  await reader.until(() => reader.frames.some(({ type }) => type === 'resume:done'))
  t.equal(reader.frames.filter(frame => frame.cursor !== undefined).length, LARGE_EVENTS + 1)
})

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { FrameCounter, maskedFrame, upgradeRequest } from '../lib/raw-client.ts'
import { serveCalls, sharedNow } from '../lib/role.ts'

export interface SubscribersOptions {
  port: number
  path: string
  token?: string
  count: number
  /** Messages that each subscriber sends once it is connected, in order. */
  hello: string[]
  /** One message per subscriber, sent once it is ready; the server responds with one more frame. */
  own?: string[]
  /** A subscriber is ready when it has received this many frames. */
  readyAfterFrames: number
  /** Concurrent handshakes. */
  concurrency: number
}

interface Subscriber {
  socket: Socket
  bytes: number
  frames: FrameCounter
}

/** Raw sockets, since client libraries cost more than the measured server. */
let subscribers: Subscriber[] = []
let latencies: number[] = []
let onFrame: ((payload: Buffer) => void) | undefined
let frames = 0
let timers: NodeJS.Timeout[] = []

/** A subscriber that is not ready by then counts as refused. */
const READY_MS = 10_000

async function open(
  { port, path, token, hello, own, readyAfterFrames }: SubscribersOptions,
  i: number,
): Promise<Subscriber> {
  const socket = connect(port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  socket.write(upgradeRequest(path, token))
  const subscriber: Subscriber = { socket, bytes: 0, frames: new FrameCounter() }
  let head = ''
  let late: NodeJS.Timeout | undefined
  await new Promise<void>((resolve, reject) => {
    late = setTimeout(() => reject(new Error('not ready in time')), READY_MS)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed by the server')))
    const more = own?.[i]
    const readyAt = readyAfterFrames + (more === undefined ? 0 : 1)
    let saidMore = more === undefined
    const onReady = () => {
      const { count } = subscriber.frames
      if (!saidMore && count >= readyAfterFrames) {
        saidMore = true
        socket.write(maskedFrame(more!))
      }
      if (count >= readyAt) resolve()
    }
    const onHead = (chunk: Buffer) => {
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      if (!head.startsWith('HTTP/1.1 101')) return reject(new Error(head.slice(0, 200)))
      socket.off('data', onHead)
      socket.on('data', onData)
      for (const text of hello) socket.write(maskedFrame(text))
      const rest = Buffer.from(head.slice(end + 4), 'latin1')
      if (rest.length > 0) onData(rest)
      onReady()
    }
    const onData = (chunk: Buffer) => {
      subscriber.bytes += chunk.length
      if (!ready || onFrame !== undefined) subscriber.frames.add(chunk, onFrame)
      if (!ready) {
        onReady()
        if (subscriber.frames.count >= readyAt) ready = true
      }
    }
    let ready = readyAt === 0
    socket.on('data', onHead)
  }).finally(() => clearTimeout(late))
  return subscriber
}

export const loads = serveCalls({
  /** Resolves with the time until all subscribers were ready, ms. */
  async connect(options: SubscribersOptions): Promise<{ elapsedMs: number; refused: number }> {
    const startedAt = performance.now()
    let left = options.count
    let refused = 0
    const worker = async () => {
      while (left-- > 0) {
        try {
          subscribers.push(await open(options, left))
        } catch {
          refused++
        }
      }
    }
    await Promise.all(Array.from({ length: options.concurrency }, worker))
    return { elapsedMs: performance.now() - startedAt, refused }
  },
  /** Starts counting bytes. */
  reset(): void {
    for (const subscriber of subscribers) subscriber.bytes = 0
  },
  /** The bytes received by the first subscriber, and whether all have received as many. */
  received(): { bytes: number; equal: boolean } {
    const bytes = subscribers[0]?.bytes ?? 0
    return { bytes, equal: subscribers.every(subscriber => subscriber.bytes === bytes) }
  },
  /** Starts counting frames. */
  countFrames(): void {
    frames = 0
    onFrame = () => void frames++
  },
  frames: (): number => frames,
  /** Starts sampling latencies, from every frame with its publishing time (`"sentAt":<µs>`). */
  listen(): void {
    latencies = []
    onFrame = payload => {
      const at = payload.indexOf('"sentAt":')
      if (at === -1) return
      const sentAt = Number.parseInt(payload.toString('latin1', at + 9, at + 29), 10) / 1000
      latencies.push(sharedNow() - sentAt)
    }
  },
  latencies(): number[] {
    const taken = latencies
    latencies = []
    return taken
  },
  /** The first `frozen` subscribers stop reading; the next `slow` read at most 64 KiB ten times a second, in turn. */
  slowDown({ frozen, slow }: { frozen: number; slow: number }): void {
    for (const { socket } of subscribers.slice(0, frozen + slow)) socket.pause()
    const slowOnes = subscribers.slice(frozen, frozen + slow)
    for (const { socket } of slowOnes) socket.on('data', () => socket.pause())
    if (slow === 0) return
    let turn = 0
    timers.push(setInterval(() => slowOnes[turn++ % slow]?.socket.resume(), 100 / slow))
  },
  close(): void {
    for (const { socket } of subscribers) socket.destroy()
    subscribers = []
    for (const timer of timers) clearInterval(timer)
    timers = []
  },
  cpuMs(): number {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
})

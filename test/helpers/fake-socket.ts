import type { SocketHandlers, SocketPort } from '../../src/connections/socket-port.ts'
import { framesIn, textFrame } from '../../src/frames/text-frame.ts'

/** The server's end of a socket. The kernel is simulated: `choke` makes it accept no more, and `drain` empties it. */
export class FakeSocket implements SocketPort {
  readonly writes: Buffer[] = []
  readonly pongs: Buffer[] = []
  pings = 0
  terminated = false
  reads = true
  closedWith: { code: number; reason: string } | undefined
  bufferedBytes = 0
  readonly form = 'text'
  #choked = false
  #handlers: SocketHandlers | undefined

  get isOpen(): boolean {
    return this.closedWith === undefined && !this.terminated
  }

  get isCongested(): boolean {
    return this.#choked
  }

  /** All frames written. */
  get frames(): { type: string; id?: string; payload: Record<string, unknown>; topic?: string; cursor?: string }[] {
    return this.writes.flatMap(write => [...framesIn(write)].map(({ text }) => JSON.parse(text.toString())))
  }

  get types(): string[] {
    return this.frames.map(frame => frame.type)
  }

  last(type: string) {
    return this.frames.filter(frame => frame.type === type).at(-1)
  }

  /** Simulates actions of the peer. */
  get peer(): SocketHandlers {
    return this.#handlers!
  }

  says(type: string, payload: unknown = {}, id?: string): void {
    this.peer.onText(JSON.stringify({ type, id, payload }))
  }

  choke(): void {
    this.#choked = true
  }

  drain(): void {
    this.#choked = false
    this.bufferedBytes = 0
    this.peer.onDrain()
  }

  write(frames: Buffer): void {
    this.writes.push(frames)
    if (this.#choked) this.bufferedBytes += frames.length
  }

  ping(): void {
    this.pings++
  }

  pong(data: Buffer): void {
    this.pongs.push(data)
  }

  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason }
  }

  pause(): void {
    this.reads = false
  }

  resume(): void {
    this.reads = true
  }

  stopReading(): void {
    this.reads = false
  }

  terminate(): void {
    this.terminated = true
    this.peer.onClosed(1006)
  }

  listen(handlers: SocketHandlers): void {
    this.#handlers = handlers
  }
}

export const frameOf = (type: string, payload: unknown = {}): Buffer => textFrame(JSON.stringify({ type, payload }))

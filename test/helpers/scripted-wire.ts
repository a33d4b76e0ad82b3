import type { SocketPort as ClientPort, SocketEvents } from '@fleetwire/client'
import { frameLines } from '@fleetwire/protocol'
import type { SocketHandlers, SocketPort } from '../../src/connections/socket-port.ts'

/** How much the kernel accepts before the server's side is congested. */
const KERNEL_BYTES = 16 * 1024
const PING = Buffer.from([0x89, 0])
/** Represents the answer to a ping; no client sends such a frame. */
const PONG = 'pong'

/** Both ends of one WebSocket. Only the script moves data, byte by byte towards the client. */
export class ScriptedWire implements SocketPort {
  readonly form = 'text'
  /** The rights of the token with which it was opened. */
  readonly rights: string
  readonly #client: SocketEvents
  #server: SocketHandlers | undefined
  #toServer: string[] = []
  #toClient: Buffer[] = []
  #queuedBytes = 0
  #partial: Buffer = Buffer.alloc(0)
  #isCut = false
  #closing: { code: number; reason: string } | undefined
  #clientGone = false
  #serverGone = false

  constructor(rights: string, client: SocketEvents) {
    this.rights = rights
    this.#client = client
  }

  get isOpen(): boolean {
    return !this.#serverGone && this.#closing === undefined
  }

  get isOver(): boolean {
    return this.#clientGone && this.#serverGone
  }

  get bufferedBytes(): number {
    return Math.max(0, this.#queuedBytes - KERNEL_BYTES)
  }

  get isCongested(): boolean {
    return this.bufferedBytes > 0
  }

  /** The client's end. `drop` does not notify the server, as when the network is lost. */
  get port(): ClientPort {
    return {
      bufferedAmount: 0,
      send: text => void (this.#clientGone || this.#toServer.push(text)),
      close: () => this.cut({ client: true, server: true }),
      drop: () => this.cut({ client: true, server: false }),
    }
  }

  /** Does nothing, because the SDK's client sends nothing more after it was told to disconnect. */
  pause(): void {}

  resume(): void {}

  stopReading(): void {}

  listen(handlers: SocketHandlers): void {
    this.#server = handlers
  }

  write(frames: Buffer): void {
    if (this.#serverGone) return
    this.#toClient.push(frames)
    this.#queuedBytes += frames.length
  }

  ping(): void {
    this.write(PING)
  }

  pong(): void {}

  close(code: number, reason: string): void {
    this.#closing ??= { code, reason }
  }

  terminate(): void {
    this.cut({ client: false, server: true })
  }

  /** Stops all data. An end that is not notified must find out by itself. */
  cut(told: { client: boolean; server: boolean }): void {
    this.#isCut = true
    if (told.client) this.#endClient(1006, '')
    if (told.server) this.#endServer(1006)
  }

  /** Delivers one frame to the server. Returns false if there is none. */
  toServer(): boolean {
    const text = this.#isCut || this.#serverGone ? undefined : this.#toServer.shift()
    if (text === PONG) this.#server?.onPong()
    else if (text !== undefined) this.#server?.onText(text)
    return text !== undefined
  }

  /** Delivers up to `bytes` bytes to the client, and a close frame after the last. Returns false if nothing moved. */
  toClient(bytes: number, onText: (text: string) => void): boolean {
    if (this.#isCut || this.#clientGone) return false
    if (this.#queuedBytes === 0) return this.#closed()
    const wasCongested = this.isCongested
    const all = this.#toClient.length === 1 ? this.#toClient[0]! : Buffer.concat(this.#toClient)
    const moved = all.subarray(0, bytes)
    this.#toClient = moved.length === all.length ? [] : [all.subarray(moved.length)]
    this.#queuedBytes -= moved.length
    this.#partial = this.#partial.length === 0 ? moved : Buffer.concat([this.#partial, moved])
    if (wasCongested && !this.isCongested && !this.#serverGone) this.#server?.onDrain()
    for (let text = this.#whole(); text !== undefined && !this.#clientGone; text = this.#whole()) {
      if (text === '') {
        this.#toServer.push(PONG)
        this.#client.alive()
        continue
      }
      // Delivered line by line, so that the script knows which frame is being handled.
      for (const line of frameLines(text)) {
        if (this.#clientGone) break
        onText(line)
        this.#client.text(line)
      }
    }
    return true
  }

  #closed(): boolean {
    if (this.#closing === undefined) return false
    const { code, reason } = this.#closing
    this.#endClient(code, reason)
    this.#endServer(code)
    return true
  }

  /** The next complete frame received; a ping is an empty one. */
  #whole(): string | undefined {
    const from = this.#partial
    if (from.length < 2) return undefined
    const short = from[1]!
    const start = short < 126 ? 2 : short === 126 ? 4 : 10
    if (from.length < start) return undefined
    const length = short < 126 ? short : short === 126 ? from.readUInt16BE(2) : Number(from.readBigUInt64BE(2))
    if (from.length < start + length) return undefined
    this.#partial = from.subarray(start + length)
    return from.toString('utf8', start, start + length)
  }

  #endClient(code: number, reason: string): void {
    if (this.#clientGone) return
    this.#clientGone = true
    queueMicrotask(() => this.#client.closed({ code, reason }))
  }

  #endServer(code: number): void {
    if (this.#serverGone) return
    this.#serverGone = true
    this.#server?.onClosed(code)
  }
}

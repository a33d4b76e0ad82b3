import type { ServerResponse } from 'node:http'
import type { CloseCode, ServerPayloads } from '@fleetwire/protocol'
import type { Principal } from '../auth/principal.ts'
import type { Timer } from '../clock.ts'
import type { EventBatch } from '../frames/frame-encoder.ts'
import { FRAGMENT_BYTES, PacedMessage } from '../frames/paced-message.ts'
import { sseCursor, sseFrame, sseKeepAlive, sseRetry } from '../frames/sse-frame.ts'
import { newId } from '../ids.ts'
import type { CloseOptions, ConnectionContext } from './connection-options.ts'
import { Outbox } from './outbox.ts'
import { wallDeadline } from './wall-deadline.ts'

/** A peer that does not read the end of its stream within this time is disconnected. */
const CLOSE_DEADLINE_MS = 5000
/** How many keep-alives in a row may find that the peer is not reading. */
const SILENT_LIMIT = 2

/** The beginning and end of a stream that carries another protocol. */
export interface StreamFraming {
  opening: string
  /** `undefined`: nothing more may be sent. */
  closing(code: CloseCode): string | undefined
  /** How long the reader may take to read the end, ms. */
  closeDeadlineMs?: number
}

export interface EventStreamOptions {
  principal: Principal
  address: string
  keepAliveMs: number
  /** The client has everything up to here, or is about to get it. */
  cursor: string
  /** Set if the stream carries another protocol. Default: Fleetwire's. */
  framing?: StreamFraming
  /** Called once, with the final code. */
  onClose(code: number): void
}

type Sent = 'snapshot' | 'resume:done' | 'resync:required' | 'error'

type State =
  | { name: 'open'; expiry: Timer; keepAlive: Timer }
  | { name: 'closing'; code: number; deadline: Timer }
  | { name: 'closed' }

/** Server-sent events to one client: a subscriber's frames, sent through the same bounded outbox as on a socket. */
export class EventStream {
  readonly id = newId('con')
  readonly kind = 'stream'
  readonly openedAt: number
  readonly #response: ServerResponse
  readonly #context: ConnectionContext
  readonly #options: EventStreamOptions
  readonly #outbox: Outbox
  #state: State
  #silent = 0
  /** Whether the peer read data since the last keep-alive: a slow reader is not a silent one. */
  #drained = false

  /** The response head must already be written. */
  constructor(response: ServerResponse, context: ConnectionContext, options: EventStreamOptions) {
    const { clock, limits } = context
    this.openedAt = clock.now()
    this.#response = response
    this.#context = context
    this.#options = options
    this.#outbox = new Outbox(
      {
        form: 'sse',
        get isCongested() {
          return response.writableNeedDrain && response.writableLength > 0
        },
        get bufferedBytes() {
          return response.writableLength
        },
        write: frames => void response.write(frames),
      },
      limits.outboxLimitBytes,
      this,
    )
    const expire = () => this.close(4401, 'token expired')
    this.#state = {
      name: 'open',
      expiry: wallDeadline(clock, options.principal.expiresAt, expire),
      keepAlive: clock.setInterval(() => this.#keepAlive(), options.keepAliveMs),
    }
    response.on('drain', () => {
      this.#drained = true
      this.flush()
    })
    response.on('error', () => {})
    response.on('close', () => this.#closed())
    // The peer may have gone while its request was being checked; no `close` event comes for that any more.
    if (response.destroyed) queueMicrotask(() => this.#closed())
    const { framing } = options
    if (framing === undefined) response.write(sseCursor(options.cursor))
    else if (framing.opening !== '') response.write(framing.opening)
  }

  get principal(): Principal {
    return this.#options.principal
  }

  get address(): string {
    return this.#options.address
  }

  get isOpen(): boolean {
    return this.#state.name === 'open'
  }

  get bufferedBytes(): number {
    return this.#outbox.bytes
  }

  deliver(batch: EventBatch): void {
    if (!this.isOpen) return
    this.#outbox.events(batch)
    this.#context.flusher.request(this)
  }

  /** Sends past events at the pace of the client: the caller must wait until they are drained. */
  replay(batch: EventBatch): void {
    if (!this.isOpen) return
    this.#outbox.replay(batch)
    this.#context.flusher.request(this)
  }

  send<K extends Sent>(type: K, payload: ServerPayloads[K]): void {
    if (!this.isOpen) return
    const event = type === 'resync:required' ? 'resync' : type
    this.#add(sseFrame({ event, id: cursorOf(payload), data: JSON.stringify(payload) }))
  }

  /** Sends a frame of another protocol. */
  write(frame: Buffer): void {
    if (this.isOpen) this.#add(frame)
  }

  #add(frame: Buffer): void {
    if (frame.length > FRAGMENT_BYTES) this.#outbox.paced(PacedMessage.stream(frame))
    else this.#outbox.ordered(frame)
    this.#context.flusher.request(this)
  }

  /** Ends the stream, without a closing frame, once its reader has taken everything. */
  finish(): void {
    void this.drained().then(() => {
      if (this.#state.name !== 'open') return
      this.#end(this.#state, 1000)
      this.#response.end()
    })
  }

  drained(): Promise<void> {
    return this.#outbox.drained()
  }

  flush(): void {
    if (this.isOpen) this.#outbox.flush()
  }

  /** Sends the reason and when to reconnect, then ends the stream. Idempotent. */
  close(code: CloseCode, reason: string, options: CloseOptions = {}): void {
    if (this.#state.name !== 'open') return
    this.#outbox.flush()
    const { framing } = this.#options
    // An event that has begun must be completed, or nothing may follow it: half an event would run into the next one.
    if (framing !== undefined) this.#outbox.endMessage()
    this.#end(this.#state, code)
    if (framing !== undefined) return void this.#response.end(framing.closing(code))
    if (this.#outbox.isMidMessage) return void this.#response.end()
    if (options.reconnectAfterMs !== undefined) this.#response.write(sseRetry(options.reconnectAfterMs))
    const data = JSON.stringify({ code, reason, ...options })
    this.#response.end(sseFrame({ event: 'connection:closing', data }))
  }

  terminate(): void {
    this.#response.destroy()
  }

  #end(open: Extract<State, { name: 'open' }>, code: number): void {
    this.#release(open)
    const withinMs = this.#options.framing?.closeDeadlineMs ?? CLOSE_DEADLINE_MS
    const deadline = this.#context.clock.setTimeout(() => this.terminate(), withinMs)
    this.#state = { name: 'closing', code, deadline }
  }

  /** Called by the outbox. */
  overflowed(): void {
    this.#outbox.clear()
    this.close(4508, 'slow consumer')
  }

  #keepAlive(): void {
    const { writableNeedDrain } = this.#response
    this.#silent = writableNeedDrain && !this.#drained ? this.#silent + 1 : 0
    this.#drained = false
    if (this.#silent >= SILENT_LIMIT) this.close(4408, 'no sign of life')
    else if (!writableNeedDrain && !this.#outbox.isMidMessage) this.#response.write(sseKeepAlive)
  }

  #release(open: Extract<State, { name: 'open' }>): void {
    open.expiry.cancel()
    open.keepAlive.cancel()
    this.#outbox.clear()
  }

  #closed(): void {
    const state = this.#state
    if (state.name === 'closed') return
    if (state.name === 'open') this.#release(state)
    else state.deadline.cancel()
    this.#state = { name: 'closed' }
    const code = state.name === 'closing' ? state.code : 1006
    this.#context.closed(this.id, code)
    this.#options.onClose(code)
  }
}

/**
 * A client that reconnects in the middle of a snapshot needs all of it again, so only the last part moves the cursor.
 */
function cursorOf(payload: ServerPayloads[Sent]): string | undefined {
  if (!('cursor' in payload)) return undefined
  return 'more' in payload && payload.more ? undefined : payload.cursor
}

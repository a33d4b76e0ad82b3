import { type CloseCode, frameLines, type WireError, wireError } from '@fleetwire/protocol'
import type { Principal } from '../auth/principal.ts'
import type { Timer } from '../clock.ts'
import { FLW_ERR_FRAME_OUTBOUND } from '../errors.ts'
import type { EventBatch } from '../frames/frame-encoder.ts'
import { FRAGMENT_BYTES, PacedMessage } from '../frames/paced-message.ts'
import { textFrame } from '../frames/text-frame.ts'
import { newId } from '../ids.ts'
import type { ConnectionKind } from './connection-kind.ts'
import type {
  BasePayloads,
  Caller,
  CloseOptions,
  ConnectionContext,
  ConnectionOptions,
  InboundFrame,
} from './connection-options.ts'
import { ErrorBudget } from './error-budget.ts'
import type { FrameGate } from './frame-limits.ts'
import { Liveness, type LivenessWatcher } from './liveness.ts'
import { Outbox, type OutboxOwner } from './outbox.ts'
import type { SocketHandlers, SocketPort } from './socket-port.ts'
import { WALL_STEP_MS, wallDeadline } from './wall-deadline.ts'

/** A peer that does not answer a close frame within this time is disconnected. */
const CLOSE_DEADLINE_MS = 5000
/** A peer that is no longer read cannot answer: this gives our last frames time to reach it. */
const UNREAD_DEADLINE_MS = 1000

/**
 * These overtake everything that waits for a slow peer. All other frames keep their order among each other and with
 * events.
 */
const URGENT: ReadonlySet<string> = new Set([
  'connection:established',
  'connection:closing',
  'reply',
  'error',
  'heartbeat',
  'pong',
  'command:interrupt',
])

/** Cumulative frames: if one flush has several, only the last is sent, after the other frames. */
const CUMULATIVE: ReadonlySet<string> = new Set(['report:ack'])

type State =
  /** `expiry`: set once the token is about to expire. */
  | { name: 'open'; liveness: Liveness; expiry: Timer | undefined }
  /** A close frame was sent; frames that still arrive are ignored. */
  | { name: 'closing'; code: number; deadline: Timer; reads: boolean }
  | { name: 'closed'; code: number }

/** One WebSocket of one principal, on either route. */
export class Connection<In extends InboundFrame = InboundFrame, Out extends BasePayloads = BasePayloads>
  implements SocketHandlers, LivenessWatcher, OutboxOwner
{
  readonly id = newId('con')
  readonly kind: ConnectionKind
  readonly openedAt: number
  readonly address: string
  readonly #socket: SocketPort
  readonly #context: ConnectionContext
  readonly #options: ConnectionOptions<In>
  readonly #outbox: Outbox
  readonly #gate: FrameGate
  readonly #budget = new ErrorBudget()
  #principal: Principal
  #state: State
  #cumulative: (() => void) | undefined
  #isPaused = false

  constructor(socket: SocketPort, caller: Caller, context: ConnectionContext, options: ConnectionOptions<In>) {
    const { clock, limits } = context
    this.kind = options.kind
    this.openedAt = clock.now()
    this.#socket = socket
    this.#context = context
    this.#options = options
    this.#principal = caller.principal
    this.address = caller.address
    this.#outbox = new Outbox(socket, limits.outboxLimitBytes, this)
    this.#gate = context.frames.gate(caller.principal.sub, caller.address, options.kind)
    const liveness = new Liveness(clock, options.liveness, this)
    this.#state = { name: 'open', liveness, expiry: this.#expireSoon(caller.principal) }
    socket.listen(this)
  }

  get principal(): Principal {
    return this.#principal
  }

  /** Epoch ms. */
  get tokenExpiresAt(): number {
    return this.#principal.expiresAt
  }

  get isOpen(): boolean {
    return this.#state.name === 'open'
  }

  /** Bytes that wait for this peer on this side. */
  get bufferedBytes(): number {
    return this.#outbox.bytes
  }

  /**
   * Queues a frame, sent at the end of this turn of the event loop. A payload that does not match its schema is a
   * server fault: it is logged, and the peer gets the error `internal`.
   */
  send<K extends keyof Out & string>(type: K, payload: Out[K], id?: string): void {
    if (this.#state.name !== 'open') return
    if (CUMULATIVE.has(type)) this.#cumulative = () => this.#enqueue(type, payload, id)
    else this.#enqueue(type, payload, id)
    this.#context.flusher.request(this)
  }

  #enqueue<K extends keyof Out & string>(type: K, payload: Out[K], id: string | undefined): void {
    let text: string
    try {
      const flaw = this.#options.flawOf(type, payload)
      if (flaw !== undefined) throw new FLW_ERR_FRAME_OUTBOUND(`${type}: ${flaw}`)
      text = JSON.stringify({ type, id, payload })
    } catch (error) {
      this.#fault(error, id)
      return
    }
    if (type === 'snapshot' && text.length > FRAGMENT_BYTES) {
      this.#outbox.paced(PacedMessage.webSocket(text))
      return
    }
    const frame = textFrame(text)
    if (URGENT.has(type)) this.#outbox.urgent(frame)
    else this.#outbox.ordered(frame)
  }

  /** Sends joined messages from now on: the peer declared that it accepts them (FR20). */
  join(): void {
    if (this.#state.name === 'open') this.#outbox.join()
  }

  /** Sends events of the log, in its order. */
  deliver(batch: EventBatch): void {
    if (this.#state.name !== 'open') return
    this.#outbox.events(batch)
    this.#context.flusher.request(this)
  }

  /** Sends past events at the pace of the peer: the caller must wait until they are drained. */
  replay(batch: EventBatch): void {
    if (this.#state.name !== 'open') return
    this.#outbox.replay(batch)
    this.#context.flusher.request(this)
  }

  /** Sends `error`. An error that a correct peer would have avoided counts against its error budget. */
  error(code: WireError['code'], message: string, options: { id?: string | undefined; details?: unknown } = {}): void {
    this.errors([wireError(code, message, options.details)], { id: options.id })
  }

  /**
   * Sends several refusals of one frame, which count as one error with the code of the first. `charged`: count it
   * regardless of that code.
   */
  errors(errors: readonly WireError[], options: { id?: string | undefined; charged?: boolean } = {}): void {
    for (const error of errors) this.send('error', error as Out['error'], options.id)
    if (errors[0] !== undefined) this.charge(errors[0].code, options.charged)
  }

  /** Counts a refusal against the error budget. `always`: regardless of its code. */
  charge(code: WireError['code'], always = false): void {
    const verdict = this.#budget.charge(code, this.#context.clock.monotonic(), always)
    if (verdict === undefined) return
    this.close(verdict, verdict === 4429 ? 'rate limit exceeded repeatedly' : 'too many errors')
    this.#stopReading()
  }

  /** Charges the current frame for `frames` more. */
  spend(frames: number): void {
    this.#gate.spend(frames)
  }

  /** A new token of the same holder replaces the current one, with its expiry and rights. */
  refresh(principal: Principal): void {
    if (this.#state.name !== 'open') return
    this.#state.expiry?.cancel()
    this.#principal = principal
    this.#state.expiry = this.#expireSoon(principal)
  }

  /** Resolves when nothing waits for this peer, or the connection is over. */
  drained(): Promise<void> {
    return this.#outbox.drained()
  }

  flush(): void {
    if (this.#state.name === 'open') this.#flush()
  }

  #flush(): void {
    const cumulative = this.#cumulative
    this.#cumulative = undefined
    cumulative?.()
    this.#outbox.flush()
  }

  /**
   * Sends the reason in `connection:closing`, then closes. Destroys the socket if the peer does not answer. Idempotent.
   */
  close(code: CloseCode, reason: string, options: CloseOptions = {}): void {
    if (this.#state.name !== 'open') return
    const open = this.#state
    // The peer's close frame must be read.
    this.resume()
    this.#state = { name: 'closing', code, deadline: this.#cutOffLater(CLOSE_DEADLINE_MS), reads: true }
    this.#flush()
    this.#release(open)
    // In the middle of a message, only the close frame itself may be sent.
    if (!this.#outbox.isMidMessage) {
      const payload = { code, reason, ...options }
      this.#socket.write(textFrame(JSON.stringify({ type: 'connection:closing', payload })))
    }
    this.#socket.close(code, reason)
  }

  /** Stops reading for now, so that the peer slows down. A paused peer counts as alive. */
  pause(): void {
    if (this.#isPaused || this.#state.name !== 'open') return
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.#state.name === 'open') this.#state.liveness.heard()
    this.#socket.resume()
  }

  /** Destroys the socket without a close frame. */
  terminate(): void {
    this.#socket.terminate()
  }

  /** One frame per line: JSON has no raw line feed (FR19). A message of only empty lines is one invalid frame. */
  onText(text: string): void {
    const lines = frameLines(text)
    for (const line of lines.length > 0 ? lines : ['']) {
      this.#onFrame(line)
      // After a flood, the remaining lines are not read.
      if (this.#state.name === 'closed' || (this.#state.name === 'closing' && !this.#state.reads)) return
    }
  }

  #onFrame(text: string): void {
    if (!this.#admit()) return
    const decoded = this.#options.decode(text)
    if (!decoded.ok) {
      this.#refuse(decoded)
      return
    }
    const { frame } = decoded
    try {
      const done = this.#options.onFrame(frame)
      if (done !== undefined) done.catch((error: unknown) => this.#fault(error, frame.id))
    } catch (error) {
      this.#fault(error, frame.id)
    }
  }

  onBinary(): void {
    if (!this.#admit()) return
    this.#refuse({ code: 'invalid_frame', message: 'Binary messages are not supported: send JSON as text.' })
  }

  onPing(data: Buffer): void {
    if (this.#admit() && !this.#socket.isCongested) this.#socket.pong(data)
  }

  onPong(): void {
    this.#admit()
  }

  onFragments(count: number): void {
    for (let i = 0; i < count; i++) this.#admit()
  }

  /** A slow reader that takes data is alive: its pong comes only after everything that it has not read yet. */
  onDrain(): void {
    if (this.#state.name === 'open') this.#state.liveness.heard()
    this.flush()
  }

  /** The transport has already closed because of data from the peer. */
  onFailed(code: number): void {
    if (this.#state.name === 'open') {
      this.#release(this.#state)
      this.#state = { name: 'closing', code, deadline: this.#cutOffLater(CLOSE_DEADLINE_MS), reads: true }
    }
    this.#stopReading()
  }

  onClosed(peerCode: number): void {
    const state = this.#state
    if (state.name === 'closed') return
    if (state.name === 'open') this.#release(state)
    else state.deadline.cancel()
    const code = state.name === 'closing' ? state.code : peerCode
    this.#state = { name: 'closed', code }
    this.#context.closed(this.id, code)
    try {
      this.#options.onClose?.(code)
    } catch (error) {
      this.#context.logger.error({ err: error, connectionId: this.id }, 'fault while closing a connection')
    }
  }

  /** Called by the liveness watch, once per interval. */
  beat(silent: number): void {
    if (this.#state.name !== 'open') return
    if (this.#isPaused) this.#state.liveness.heard()
    this.#state.expiry ??= this.#expireSoon(this.#principal)
    this.#socket.ping()
    this.#options.onBeat?.(silent)
  }

  /** Called by the liveness watch. */
  dead(): void {
    this.close(4408, 'no sign of life')
  }

  /** Called by the outbox. */
  overflowed(): void {
    this.#outbox.clear()
    this.close(4508, 'slow consumer')
  }

  /**
   * Most tokens outlive many beats, and a timer takes as much memory as the rest of the watch. So each beat checks
   * whether the expiry is near, and only then creates a timer.
   */
  #expireSoon({ expiresAt }: Principal): Timer | undefined {
    const { clock } = this.#context
    const { intervalMs } = this.#options.liveness
    if (intervalMs <= WALL_STEP_MS && expiresAt - clock.now() > 2 * intervalMs) return undefined
    return wallDeadline(clock, expiresAt, () => this.close(4401, 'token expired'))
  }

  #cutOffLater(delayMs: number): Timer {
    return this.#context.clock.setTimeout(() => this.#socket.terminate(), delayMs)
  }

  /** Stops reading a peer that gets no more answers: whatever it still sends stays on its side. */
  #stopReading(): void {
    const state = this.#state
    if (state.name !== 'closing' || !state.reads) return
    this.#socket.stopReading()
    state.deadline.cancel()
    this.#state = { ...state, deadline: this.#cutOffLater(UNREAD_DEADLINE_MS), reads: false }
  }

  /** False if the connection is closing or the peer exceeds its frame rate. */
  #admit(): boolean {
    if (this.#state.name === 'closed') return false
    const excess = this.#gate.take()
    if (this.#state.name === 'closing') {
      // Frames in transit are ignored; a flood is cut off at once.
      if (excess !== undefined) this.#stopReading()
      return false
    }
    this.#state.liveness.heard()
    if (excess === undefined) return true
    const { message, retryAfterMs } = excess
    this.#refuse({ code: 'rate_limited', message, details: { retryAfterMs } })
    return false
  }

  #refuse(refused: { code: WireError['code']; message: string; id?: string; n?: number; details?: unknown }): void {
    this.error(refused.code, refused.message, { id: refused.id, details: refused.details })
    this.#options.onRefused?.(refused)
  }

  #fault(error: unknown, id: string | undefined): void {
    this.#context.logger.error({ err: error, connectionId: this.id }, 'fault while serving a connection')
    this.error('internal', 'Internal server error; it was logged.', { id })
  }

  #release(open: Extract<State, { name: 'open' }>): void {
    open.liveness.stop()
    open.expiry?.cancel()
    this.#outbox.clear()
  }
}

import type { AgentFrameType, AgentPayloads, AgentServerPayloads } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { FlushTiming } from '../flush-timing.ts'
import { Pacer } from '../pacer.ts'
import { Coalescer } from './coalescer.ts'
import { isDelta, Outbox, type PushOptions } from './outbox.ts'

export interface UplinkOptions {
  clock: Clock
  /** The limit of reports that the server has not stored. */
  limitBytes: number
  send(text: string): void
  bufferedAmount(): number
  /** The next frame of terminal output, of at most this many bytes. */
  nextOutput(maxFrameBytes: number): string | undefined
}

type Established = AgentServerPayloads['connection:established']

/** The server reports a gap once for every frame after it; a resend for each report would multiply the traffic. */
const GAP_PAUSE_MS = 5_000
const DEFAULT_MAX_FRAME_BYTES = 256 * 1024

/** Sends everything from the agent to the server, and decides what goes next. */
export class Uplink {
  readonly #clock: Clock
  readonly #nextOutput: (maxFrameBytes: number) => string | undefined
  readonly #outbox: Outbox
  readonly #pacer: Pacer
  readonly #flush: FlushTiming
  readonly #coalescer: Coalescer
  #isOpen = false
  /** Frames of which only the newest matters, by type and subject. */
  readonly #latest = new Map<string, string>()
  #maxFrameBytes = DEFAULT_MAX_FRAME_BYTES
  #turn: 'reports' | 'output' = 'reports'
  #gapAt = Number.NEGATIVE_INFINITY

  constructor({ clock, limitBytes, send, bufferedAmount, nextOutput }: UplinkOptions) {
    this.#clock = clock
    this.#nextOutput = nextOutput
    this.#outbox = new Outbox(limitBytes)
    const sources = [() => this.#takeLatest(), () => this.#takeInTurn()]
    this.#pacer = new Pacer({ clock, send, bufferedAmount, sources })
    this.#flush = new FlushTiming(clock, () => this.#pacer.pump())
    this.#coalescer = new Coalescer(clock, this.#flush)
  }

  /** Whether the server has stored everything numbered. */
  get isEmpty(): boolean {
    return this.#outbox.isEmpty
  }

  /** The server has stored everything up to `ackedN`; the rest is sent on this socket. */
  open({ ackedN, limits }: Pick<Established, 'ackedN' | 'limits'>): void {
    this.#maxFrameBytes = limits.maxFrameBytes
    this.#outbox.maxFrameBytes = limits.maxFrameBytes
    this.#outbox.rewind(ackedN)
    this.#gapAt = Number.NEGATIVE_INFINITY
    this.#isOpen = true
    this.#pacer.open(limits)
  }

  close(): void {
    this.#isOpen = false
    this.#flush.stop()
    this.#pacer.close()
  }

  /** Sends what has been coalesced so far. */
  flush(): void {
    if (this.#isOpen) this.#flush.soon()
  }

  /** For reports that must arrive. Throws `outbox_full`, `frame_too_large` or `too_deep`. */
  push<K extends AgentFrameType>(type: K, payload: AgentPayloads[K], options?: PushOptions): void {
    this.#outbox.push(type, payload, options)
    if (isDelta(type, payload)) this.#appended(options?.run ?? `session ${payload.sessionId}`)
    else this.flush()
  }

  /** Replaces an unsent frame of the same type and subject. Does not overtake earlier reports. */
  latest<K extends AgentFrameType>(type: K, payload: AgentPayloads[K], about: string): void {
    this.#pacer.pump()
    this.#latest.set(`${type} ${about}`, JSON.stringify({ type, payload }))
    this.flush()
  }

  /** This terminal has output. */
  outputOf(terminalId: string): void {
    this.#appended(`terminal ${terminalId}`)
  }

  ack(n: number): void {
    this.#outbox.ack(n)
  }

  /** The id of the question in this frame, if it contains one. */
  questionOf(n: number): string | undefined {
    const frame = this.#outbox.frame(n)
    return frame?.type === 'interaction:request' ? JSON.parse(frame.json).interactionId : undefined
  }

  /** The server is missing a number. */
  gap(): void {
    const now = this.#clock.now()
    if (now - this.#gapAt < GAP_PAUSE_MS) return
    this.#gapAt = now
    this.#outbox.resend()
    this.flush()
  }

  /** Whether a payload with this many bytes of JSON fits the frame limit. */
  fits(jsonBytes: number): boolean {
    return this.#outbox.fits(jsonBytes)
  }

  #appended(by: string): void {
    if (this.#isOpen) this.#coalescer.appended(by)
  }

  #takeLatest(): string | undefined {
    for (const [about, text] of this.#latest) {
      this.#latest.delete(about)
      return text
    }
    return undefined
  }

  /** Alternates between reports and output while both have frames, so that neither uses up the rate limit. */
  #takeInTurn(): string | undefined {
    const isTurnOfReports = this.#turn === 'reports'
    this.#turn = isTurnOfReports ? 'output' : 'reports'
    return isTurnOfReports ? (this.#outbox.next() ?? this.#takeOutput()) : (this.#takeOutput() ?? this.#outbox.next())
  }

  #takeOutput(): string | undefined {
    return this.#nextOutput(this.#maxFrameBytes)
  }
}

import { type AgentFrameType, type AgentPayloads, isDeeper, MAX_VALUE_DEPTH, TOO_DEEP } from '@fleetwire/protocol'
import { bytesOf } from '../bytes-of.ts'
import { FleetwireError } from '../errors.ts'
import { laneKeys } from './lane-keys.ts'
import { Lanes } from './lanes.ts'
import { textPart } from './text-part.ts'

export interface PushOptions {
  /** Accepted beyond the limit: losing the result of a command would be worse than using some memory. */
  exempt?: boolean
  /** The command whose run sends the report: the reports of one run stay in order. */
  run?: string
  /** Called when the report was handed to a socket, so nothing later can overtake it. */
  sent?: () => void
  /** Called when the server has stored the report. */
  acked?: () => void
}

/** A waiting report that has no number yet. */
interface Waiting {
  /** Position in the order of arrival. */
  readonly seq: number
  readonly type: AgentFrameType
  readonly sessionId: string | undefined
  bytes: number
  readonly content: Content
  readonly sent: (() => void) | undefined
  readonly acked: (() => void) | undefined
}

type Content =
  | { readonly kind: 'whole'; readonly json: string }
  /** Joined while waiting, and cut into parts when sent. */
  | { readonly kind: 'text'; readonly of: object; readonly ofJson: string; delta: string }

/** A report that was handed to a socket. The server may have it, so it must not change. */
interface Numbered {
  readonly type: AgentFrameType
  readonly json: string
  readonly bytes: number
  readonly acked: (() => void) | undefined
}

/** `type` and `n` around the payload. */
const ENVELOPE_BYTES = 128
/** Limits how long one text frame holds up the frames behind it; dashboards get text in parts of this size. */
const PART_CHARS = 16 * 1024
/** A control character: `\u0000`. */
const LONGEST_ESCAPE_BYTES = 6

/**
 * Reports that must not be lost. They are kept until the server has stored them, so anything lost with a socket is sent
 * again, in order of number. A frame gets its number when it is first handed to a socket. The sequence can therefore
 * continue wherever the server's memory of it ends, and until then a frame can still be joined, cut, or overtaken by
 * unrelated ones.
 */
export class Outbox {
  readonly #limitBytes: number
  readonly #waiting = new Lanes<Waiting>()
  #numbered: Numbered[] = []
  #pushed = 0
  /** How many of `#numbered` were handed to the current socket. */
  #sent = 0
  #ackedN = 0
  #bytes = 0
  #maxFrameBytes = 256 * 1024
  /** The newest waiting report of each session, to which the next delta of the same message may be joined. */
  readonly #newestOfSession = new Map<string, Waiting>()

  /** `limitBytes`: limit of reports that the server has not stored, so a disconnected agent cannot fill its memory. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get ackedN(): number {
    return this.#ackedN
  }

  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#numbered.length === 0 && this.#waiting.isEmpty
  }

  set maxFrameBytes(bytes: number) {
    this.#maxFrameBytes = bytes
  }

  /**
   * Throws `outbox_full`, `frame_too_large` or `too_deep` and then keeps nothing. Text may have any length: it is cut.
   */
  push<K extends AgentFrameType>(type: K, payload: AgentPayloads[K], options: PushOptions = {}): void {
    // The payload itself counts as a level.
    if (isDeeper(payload, MAX_VALUE_DEPTH + 1)) throw new FleetwireError('too_deep', `${type}: a field is ${TOO_DEEP}`)
    const content = contentOf(type, payload)
    const headBytes = bytesOf(content.kind === 'text' ? content.ofJson : content.json)
    if (!this.fits(headBytes)) {
      throw new FleetwireError('frame_too_large', `${type}: exceeds the frame limit of ${this.#maxFrameBytes} bytes`)
    }
    const bytes = headBytes + (content.kind === 'text' ? bytesOf(content.delta) : 0)
    if (!options.exempt && this.#bytes + bytes > this.#limitBytes) {
      const held = `${this.#bytes} bytes are waiting for the server`
      throw new FleetwireError('outbox_full', `${type}: ${held}, the limit is ${this.#limitBytes}`)
    }
    const { sessionId } = payload as { sessionId?: string }
    const { sent, acked } = options
    const item: Waiting = { seq: this.#pushed++, type, sessionId, bytes, content, sent, acked }
    if (this.#join(item)) return
    this.#waiting.add(item, laneKeys(type, payload, options.run))
    this.#bytes += bytes
    if (sessionId !== undefined) this.#newestOfSession.set(sessionId, item)
  }

  /** Whether a payload with this many bytes of JSON fits the server's frame limit. */
  fits(jsonBytes: number): boolean {
    return jsonBytes + ENVELOPE_BYTES <= this.#maxFrameBytes
  }

  /** The next frame for the current socket. */
  next(): string | undefined {
    if (this.#sent === this.#numbered.length) this.#waiting.take(item => this.#number(item))
    const frame = this.#numbered[this.#sent]
    if (frame === undefined) return undefined
    this.#sent++
    return `{"type":"${frame.type}","n":${this.#ackedN + this.#sent},"payload":${frame.json}}`
  }

  /** The frame with this number, unless it was acknowledged. */
  frame(n: number): { readonly type: AgentFrameType; readonly json: string } | undefined {
    return this.#numbered[n - this.#ackedN - 1]
  }

  /** Cumulative: everything up to `n` is stored. */
  ack(n: number): void {
    const count = Math.min(n - this.#ackedN, this.#numbered.length)
    if (count <= 0) return
    const stored = this.#numbered.splice(0, count)
    this.#ackedN += count
    this.#sent = Math.max(0, this.#sent - count)
    for (const { bytes, acked } of stored) {
      this.#bytes -= bytes
      acked?.()
    }
  }

  /**
   * For a new socket: the server has stored this boot's reports up to `ackedN`; everything after that is sent again.
   */
  rewind(ackedN: number): void {
    this.ack(ackedN)
    // If `ackedN` is lower than ours, the server lost reports that it had acknowledged. Numbering continues where its
    // memory ends, because a gap would never close.
    this.#ackedN = ackedN
    this.#sent = 0
  }

  /** The server missed a number: everything unacknowledged is sent again. */
  resend(): void {
    this.#sent = 0
  }

  #number(item: Waiting): 'used' | 'left' {
    const { type, content, sent, acked } = item
    if (content.kind === 'text') {
      const part = textPart(content.delta, this.#partChars(content.ofJson))
      const rest = content.delta.slice(part.length)
      this.#add({ type, json: JSON.stringify({ ...content.of, delta: part }), acked: rest === '' ? acked : undefined })
      const partBytes = rest === '' ? item.bytes : bytesOf(part)
      content.delta = rest
      item.bytes -= partBytes
      this.#bytes -= partBytes
      if (rest !== '') return 'left'
    } else {
      this.#add({ type, json: content.json, acked })
      this.#bytes -= item.bytes
    }
    sent?.()
    const { sessionId } = item
    if (sessionId !== undefined && this.#newestOfSession.get(sessionId) === item)
      this.#newestOfSession.delete(sessionId)
    return 'used'
  }

  #add(frame: Omit<Numbered, 'bytes'>): void {
    const bytes = bytesOf(frame.json)
    this.#numbered.push({ ...frame, bytes })
    this.#bytes += bytes
  }

  #partChars(ofJson: string): number {
    const room = this.#maxFrameBytes - ENVELOPE_BYTES - bytesOf(ofJson)
    return Math.min(PART_CHARS, Math.floor(room / LONGEST_ESCAPE_BYTES))
  }

  /** Joins a delta to the waiting one if it continues the same text. */
  #join({ type, sessionId, content }: Waiting): boolean {
    const newest = sessionId === undefined ? undefined : this.#newestOfSession.get(sessionId)
    if (content.kind !== 'text' || newest?.content.kind !== 'text') return false
    if (newest.type !== type || newest.content.ofJson !== content.ofJson) return false
    const bytes = bytesOf(content.delta)
    newest.content.delta += content.delta
    newest.bytes += bytes
    this.#bytes += bytes
    return true
  }
}

/** Whether a report is a piece of a growing text. */
export function isDelta(type: AgentFrameType, payload: object): payload is { sessionId: string; delta: string } {
  return (
    (type === 'message:delta' || type === 'tool:args') && typeof (payload as { delta?: unknown }).delta === 'string'
  )
}

function contentOf(type: AgentFrameType, payload: object): Content {
  if (!isDelta(type, payload)) return { kind: 'whole', json: JSON.stringify(payload) }
  const { delta, ...of } = payload
  return { kind: 'text', of, ofJson: JSON.stringify(of), delta }
}

import type { AgentFrameType, AgentPayloads } from '@fleetwire/protocol'
import { FleetwireError } from '../errors.ts'

export interface PushOptions {
  /** Admitted over the limit: losing the result of a command is worse than some memory. */
  exempt?: boolean
  /** The server has stored it. */
  acked?: () => void
}

interface Item {
  /** Its place since the start, whatever its number. */
  readonly seq: number
  bytes: number
  type: AgentFrameType
  payload: object
  json: string
  acked: (() => void) | undefined
}

const encoder = new TextEncoder()

/** `type` and `n` around the payload. */
const ENVELOPE_BYTES = 128
/** Joined deltas stay well under any sensible frame limit. */
const JOIN_LIMIT_CHARS = 16 * 1024

/**
 * Frames that must not be lost, in the order of their numbers. They leave when the server has stored them, so whatever a
 * socket swallowed is sent again. A number is given by the place behind the last acknowledged one: that way the line can
 * be taken up wherever the server's memory of it ends.
 */
export class Outbox {
  readonly #limitBytes: number
  #items: Item[] = []
  #pushed = 0
  /** Items of `#items` that were handed to the present socket. */
  #sent = 0
  /** Items with a lower `seq` were handed to some socket: the server may have them as they were, so they stay so. */
  #frozenSeq = 0
  #ackedN = 0
  #bytes = 0
  #maxFrameBytes = 256 * 1024
  /** The newest item of each session: where the next delta of the same message may be joined. */
  readonly #newestOfSession = new Map<string, Item>()

  /** `limitBytes`: of frames that the server has not stored. Keeps an agent that is cut off from filling its memory. */
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
    return this.#items.length === 0
  }

  set maxFrameBytes(bytes: number) {
    this.#maxFrameBytes = bytes
  }

  /** Throws `outbox_full` or `frame_too_large`; then nothing was taken. */
  push<K extends AgentFrameType>(type: K, payload: AgentPayloads[K], options: PushOptions = {}): void {
    const json = JSON.stringify(payload)
    const bytes = encoder.encode(json).length
    if (!this.fits(bytes)) {
      throw new FleetwireError('frame_too_large', `${type}: over the frame limit of ${this.#maxFrameBytes} bytes`)
    }
    if (!options.exempt && this.#bytes + bytes > this.#limitBytes) {
      const held = `${this.#bytes} bytes wait for the server`
      throw new FleetwireError('outbox_full', `${type}: ${held}, the limit is ${this.#limitBytes}`)
    }
    const item: Item = { seq: this.#pushed, type, payload, json, bytes, acked: options.acked }
    if (this.#join(item)) return
    this.#items.push(item)
    this.#pushed++
    this.#bytes += bytes
    const sessionId = sessionOf(payload)
    if (sessionId !== undefined) this.#newestOfSession.set(sessionId, item)
  }

  /** Would a payload of so many bytes of JSON pass the server's frame limit? */
  fits(jsonBytes: number): boolean {
    return jsonBytes + ENVELOPE_BYTES <= this.#maxFrameBytes
  }

  /** The next frame for the present socket. */
  next(): string | undefined {
    const item = this.#items[this.#sent]
    if (item === undefined) return undefined
    this.#sent++
    this.#frozenSeq = Math.max(this.#frozenSeq, item.seq + 1)
    return `{"type":"${item.type}","n":${this.#ackedN + this.#sent},"payload":${item.json}}`
  }

  /** Cumulative: everything up to `n` is stored. */
  ack(n: number): void {
    const count = Math.min(n - this.#ackedN, this.#items.length)
    if (count <= 0) return
    const stored = this.#items.splice(0, count)
    this.#ackedN += count
    this.#sent = Math.max(0, this.#sent - count)
    for (const item of stored) {
      this.#bytes -= item.bytes
      const sessionId = sessionOf(item.payload)
      if (sessionId !== undefined && this.#newestOfSession.get(sessionId) === item)
        this.#newestOfSession.delete(sessionId)
      item.acked?.()
    }
  }

  /** A new socket: the server says where its line of this boot ends, and everything behind that is sent again. */
  rewind(ackedN: number): void {
    this.ack(ackedN)
    // Below our own mark: the server lost what it had acknowledged. The rest goes on where its memory ends, since a gap
    // in the numbers would never close.
    this.#ackedN = ackedN
    this.#sent = 0
  }

  /** The server missed a number: everything unacknowledged is sent again. */
  resend(): void {
    this.#sent = 0
  }

  #join(item: Item): boolean {
    const sessionId = sessionOf(item.payload)
    const newest = sessionId === undefined ? undefined : this.#newestOfSession.get(sessionId)
    if (newest === undefined || newest.seq < this.#frozenSeq) return false
    const joined = joinDeltas(newest, item)
    if (joined === undefined) return false
    this.#bytes -= newest.bytes
    newest.payload = joined
    newest.json = JSON.stringify(joined)
    newest.bytes = encoder.encode(newest.json).length
    this.#bytes += newest.bytes
    return true
  }
}

function sessionOf(payload: object): string | undefined {
  const { sessionId } = payload as { sessionId?: string }
  return sessionId
}

/** One delta that says what two said, where they continue the same text. */
function joinDeltas(first: Item, second: Item): object | undefined {
  if (first.type !== second.type || (first.type !== 'message:delta' && first.type !== 'tool:args')) return undefined
  const { delta: before, ...of } = first.payload as AgentPayloads['message:delta']
  const { delta, ...same } = second.payload as AgentPayloads['message:delta']
  if (before.length + delta.length > JOIN_LIMIT_CHARS || JSON.stringify(of) !== JSON.stringify(same)) return undefined
  return { ...first.payload, delta: before + delta }
}

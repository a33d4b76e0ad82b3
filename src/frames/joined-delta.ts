import type { FleetEvent } from '../log/event-log.ts'
import { type FrameForm, OutboundEvent } from './frame-encoder.ts'

/** A joined frame must not hold up others for long. */
const MAX_BYTES = 32 * 1024

interface Delta extends FleetEvent {
  readonly payload: { messageId: string; delta: string }
}
const isDelta = (event: FleetEvent): event is Delta => event.type === 'message:delta'

/** Deltas of one message that wait one behind the other for one socket, on their way to be one frame. */
export class JoinedDelta {
  #last: Delta
  #text: string
  #bytes: number

  private constructor(first: Delta, bytes: number) {
    this.#last = first
    this.#text = first.payload.delta
    this.#bytes = bytes
  }

  /** Undefined for what is no delta. `bytes`: of its frame. */
  static of({ event }: OutboundEvent, bytes: number): JoinedDelta | undefined {
    return isDelta(event) ? new JoinedDelta(event, bytes) : undefined
  }

  /** What its frame takes, within a few bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes the next delta of the same message; false when it is something else, or there is enough already. */
  add({ event }: OutboundEvent): boolean {
    if (!isDelta(event) || event.topic !== this.#last.topic) return false
    const { messageId, delta } = event.payload
    const bytes = this.#bytes + Buffer.byteLength(JSON.stringify(delta)) - 2
    if (messageId !== this.#last.payload.messageId || bytes > MAX_BYTES) return false
    this.#bytes = bytes
    this.#text += delta
    this.#last = event
    return true
  }

  /** With the cursor of its last part: whoever has it resumes behind all of them. */
  frame(form: FrameForm): Buffer {
    const json = JSON.stringify({ ...this.#last.payload, delta: this.#text })
    return new OutboundEvent({ ...this.#last, json }).frame(form)
  }
}

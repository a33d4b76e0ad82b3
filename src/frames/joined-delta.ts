import type { FleetEvent } from '../log/event-log.ts'
import { type FrameForm, OutboundEvent } from './frame-encoder.ts'

/** A longer frame would delay others. */
const MAX_BYTES = 32 * 1024

interface Delta extends FleetEvent {
  readonly payload: { messageId: string; delta: string }
}
const isDelta = (event: FleetEvent): event is Delta => event.type === 'message:delta'

/** Consecutive deltas of one message that wait for the same socket and will leave as one frame. */
export class JoinedDelta {
  #last: Delta
  #text: string
  #bytes: number

  private constructor(first: Delta, bytes: number) {
    this.#last = first
    this.#text = first.payload.delta
    this.#bytes = bytes
  }

  /** Undefined if the event is not a delta. `bytes`: the size of its frame. */
  static of({ event }: OutboundEvent, bytes: number): JoinedDelta | undefined {
    return isDelta(event) ? new JoinedDelta(event, bytes) : undefined
  }

  /** The size of the joined frame, within a few bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Adds the next delta of the same message. False if the event is something else, or the frame would be too long. */
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

  /** The frame has the cursor of its last delta, so a client that received it resumes after all of them. */
  frame(form: FrameForm): Buffer {
    const json = JSON.stringify({ ...this.#last.payload, delta: this.#text })
    return new OutboundEvent({ ...this.#last, json }).frame(form)
  }
}

import { matchTopic } from '@fleetwire/protocol'
import { OutboundEvent } from '../frames/frame-encoder.ts'
import { besideCursor } from '../log/cursor.ts'
import type { FleetEvent, LogRecord } from '../log/event-log.ts'

export type Place = Pick<FleetEvent, 'seq' | 'cursor'>

/**
 * The newest event of each topic whose events are not kept. Such events have a place in the log and are sent live, but
 * no read finds them again, so late subscribers get the newest from here.
 */
export class LatestEvents {
  readonly #byTopic = new Map<string, OutboundEvent>()

  set(event: OutboundEvent): void {
    this.#byTopic.set(event.event.topic, event)
  }

  delete(topic: string): void {
    this.#byTopic.delete(topic)
  }

  /** As records of a snapshot. */
  records(patterns: readonly string[]): LogRecord[] {
    return this.#matching(patterns).map(({ event }) => ({ ...event, version: event.seq }))
  }

  /**
   * The newest event of each matching topic that was reported after one place in the log and up to another, for a
   * reader that has read the log up to there. Its cursor is equivalent to that of the end, since no event may have an
   * earlier one.
   */
  toldBetween(patterns: readonly string[], after: number, upTo: Place): OutboundEvent[] {
    const told = this.#matching(patterns).filter(({ event }) => event.seq > after && event.seq <= upTo.seq)
    return told.map(({ event }) => new OutboundEvent({ ...event, seq: upTo.seq, cursor: besideCursor(upTo.cursor) }))
  }

  #matching(patterns: readonly string[]): OutboundEvent[] {
    const found: OutboundEvent[] = []
    for (const [topic, event] of this.#byTopic)
      if (patterns.some(pattern => matchTopic(pattern, topic))) found.push(event)
    return found
  }
}

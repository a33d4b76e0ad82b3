import { matchTopic } from '@fleetwire/protocol'
import { OutboundEvent } from '../frames/frame-encoder.ts'
import { besideCursor } from '../log/cursor.ts'
import type { FleetEvent, LogRecord } from '../log/event-log.ts'

export type Place = Pick<FleetEvent, 'seq' | 'cursor'>

/**
 * The newest event of each topic whose events are not kept. They take a place in the log and are told, but no read finds
 * them again, so whoever comes late is given the newest from here.
 */
export class LatestEvents {
  readonly #byTopic = new Map<string, OutboundEvent>()

  set(event: OutboundEvent): void {
    this.#byTopic.set(event.event.topic, event)
  }

  delete(topic: string): void {
    this.#byTopic.delete(topic)
  }

  /** As a snapshot shows them. */
  records(patterns: readonly string[]): LogRecord[] {
    return this.#matching(patterns).map(({ event }) => ({ ...event, version: event.seq }))
  }

  /**
   * The newest event of each matching topic that was told after one place in the log and up to another, for somebody who
   * has read the log up to there: its cursor is worth that of the end, since no event may have one from before.
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

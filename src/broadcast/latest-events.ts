import { matchTopic } from '@fleetwire/protocol'
import type { OutboundEvent } from '../frames/frame-encoder.ts'
import type { LogRecord } from '../log/event-log.ts'

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

  /** Topics whose newest event was told after one place in the log and up to another. */
  toldBetween(patterns: readonly string[], after: number, upTo: number): string[] {
    const told = this.#matching(patterns).filter(({ event }) => event.seq > after && event.seq <= upTo)
    return told.map(({ event }) => event.topic)
  }

  #matching(patterns: readonly string[]): OutboundEvent[] {
    const found: OutboundEvent[] = []
    for (const [topic, event] of this.#byTopic)
      if (patterns.some(pattern => matchTopic(pattern, topic))) found.push(event)
    return found
  }
}

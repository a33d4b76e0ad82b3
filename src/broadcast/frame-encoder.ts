import { topicKind } from '@fleetwire/protocol'
import { textFrame } from '../connections/text-frame.ts'
import type { FleetEvent } from '../log/event-log.ts'

/** An event as every client reads it. The payload was checked when it was drafted and serialised when it was stored. */
export function eventText(event: FleetEvent): string {
  const { type, topic, cursor, at, json } = event
  return `{"type":${JSON.stringify(type)},"topic":"${topic}","cursor":${JSON.stringify(cursor)},"at":${at},"payload":${json}}`
}

/** An event on its way out: framed at most once, whatever the number of receivers. */
export class OutboundEvent {
  readonly event: FleetEvent
  #frame: Buffer | undefined

  constructor(event: FleetEvent) {
    this.event = event
  }

  get frame(): Buffer {
    this.#frame ??= textFrame(eventText(this.event))
    return this.#frame
  }

  /** Set where a later event of the same key makes this one superfluous: the topic of a record or of a metric. */
  get supersededBy(): string | undefined {
    return topicKind(this.event.topic) === 'stream' ? undefined : this.event.topic
  }
}

/** Events due at the same time to one or many connections, which share the bytes. */
export class EventBatch {
  readonly events: readonly OutboundEvent[]
  #bytes: Buffer | undefined

  constructor(events: readonly OutboundEvent[]) {
    this.events = events
  }

  /** All frames as one buffer. */
  get bytes(): Buffer {
    this.#bytes ??=
      this.events.length === 1 ? this.events[0]!.frame : Buffer.concat(this.events.map(({ frame }) => frame))
    return this.#bytes
  }
}

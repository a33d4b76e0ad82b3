import { topicKind } from '@fleetwire/protocol'
import type { FleetEvent } from '../log/event-log.ts'
import type { FrameCompressor } from './frame-compressor.ts'
import { sseFrame } from './sse-frame.ts'
import { textFrame } from './text-frame.ts'

/** An event as every client reads it. The payload was checked when it was drafted and serialised when it was stored. */
export function eventText(event: FleetEvent): string {
  const { type, topic, cursor, at, json } = event
  return `{"type":${JSON.stringify(type)},"topic":"${topic}","cursor":${JSON.stringify(cursor)},"at":${at},"payload":${json}}`
}

/** How a receiver takes its frames: as text frames of a WebSocket, as those deflated each by itself, as server-sent events. */
export type FrameForm = 'text' | 'deflated' | 'sse'

/** An event on its way out: framed at most once in each form, whatever the number of receivers. */
export class OutboundEvent {
  readonly event: FleetEvent
  readonly #compressor: FrameCompressor | undefined
  readonly #frames: Partial<Record<FrameForm, Buffer>> = {}
  #text: string | undefined

  /** Without a compressor nothing is deflated. */
  constructor(event: FleetEvent, compressor?: FrameCompressor) {
    this.event = event
    this.#compressor = compressor
  }

  frame(form: FrameForm): Buffer {
    this.#frames[form] ??= this.#make(form)
    return this.#frames[form]
  }

  /** Set where a later event of the same key makes this one superfluous: the topic of a record or of a metric. */
  get supersededBy(): string | undefined {
    return topicKind(this.event.topic) === 'stream' ? undefined : this.event.topic
  }

  #make(form: FrameForm): Buffer {
    this.#text ??= eventText(this.event)
    switch (form) {
      case 'text':
        return textFrame(this.#text)
      case 'deflated':
        return this.#compressor?.frameOf(this.#text) ?? this.frame('text')
      case 'sse':
        return sseFrame({ event: this.event.type, id: this.event.cursor, data: this.#text })
    }
  }
}

/** Events due at the same time to one or many connections, which share the bytes. */
export class EventBatch {
  readonly events: readonly OutboundEvent[]
  readonly #bytes: Partial<Record<FrameForm, Buffer>> = {}

  constructor(events: readonly OutboundEvent[]) {
    this.events = events
  }

  /** All frames as one buffer. */
  bytes(form: FrameForm): Buffer {
    this.#bytes[form] ??=
      this.events.length === 1
        ? this.events[0]!.frame(form)
        : Buffer.concat(this.events.map(event => event.frame(form)))
    return this.#bytes[form]
  }
}

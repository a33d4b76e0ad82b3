import { topicKind } from '@fleetwire/protocol'
import type { FleetEvent } from '../log/event-log.ts'
import type { FrameCompressor } from './frame-compressor.ts'
import { joinMessages } from './joined-message.ts'
import { sseFrame } from './sse-frame.ts'
import { framesIn, textFrame } from './text-frame.ts'

/** An event as every client reads it. Its payload was checked when it was drafted and serialised when it was stored. */
export function eventText(event: FleetEvent): string {
  const { type, topic, cursor, at, json } = event
  return `{"type":${JSON.stringify(type)},"topic":"${topic}","cursor":${JSON.stringify(cursor)},"at":${at},"payload":${json}}`
}

/**
 * The encoding for a receiver: WebSocket text frames, the same deflated one by one, either of them joined into few
 * messages (FR20), or server-sent events.
 */
export type FrameForm = 'text' | 'deflated' | 'joined' | 'joined-deflated' | 'sse'

/** The form of a receiver that accepts joined messages. */
export function joinedForm(form: FrameForm): FrameForm {
  switch (form) {
    case 'text':
      return 'joined'
    case 'deflated':
      return 'joined-deflated'
    case 'joined':
    case 'joined-deflated':
    case 'sse':
      return form
  }
}

/** An event on its way out. It is encoded at most once per form, however many receivers there are. */
export class OutboundEvent {
  readonly event: FleetEvent
  readonly compressor: FrameCompressor | undefined
  readonly #frames: Partial<Record<FrameForm, Buffer>> = {}
  #text: string | undefined

  /** Without a compressor nothing is deflated. */
  constructor(event: FleetEvent, compressor?: FrameCompressor) {
    this.event = event
    this.compressor = compressor
  }

  frame(form: FrameForm): Buffer {
    this.#frames[form] ??= this.#make(form)
    return this.#frames[form]
  }

  /** Set if a later event with the same key replaces this one: the topic of a record or of a metric. */
  get supersededBy(): string | undefined {
    return topicKind(this.event.topic) === 'stream' ? undefined : this.event.topic
  }

  #make(form: FrameForm): Buffer {
    this.#text ??= eventText(this.event)
    switch (form) {
      case 'text':
        return textFrame(this.#text)
      case 'deflated':
        return this.compressor?.frameOf(this.#text) ?? this.frame('text')
      case 'joined':
        return this.frame('text')
      case 'joined-deflated':
        return this.frame('deflated')
      case 'sse':
        return sseFrame({ event: this.event.type, id: this.event.cursor, data: this.#text })
    }
  }
}

/** Events that are due at the same time to one or more connections, which share the encoded bytes. */
export class EventBatch {
  readonly events: readonly OutboundEvent[]
  readonly #bytes: Partial<Record<FrameForm, Buffer>> = {}

  constructor(events: readonly OutboundEvent[]) {
    this.events = events
  }

  /** All frames in one buffer. */
  bytes(form: FrameForm): Buffer {
    this.#bytes[form] ??= this.events.length === 1 ? this.events[0]!.frame(form) : this.#encode(form)
    return this.#bytes[form]
  }

  #encode(form: FrameForm): Buffer {
    switch (form) {
      case 'text':
      case 'deflated':
      case 'sse':
        return Buffer.concat(this.events.map(event => event.frame(form)))
      case 'joined':
        return joinMessages(this.events.map(event => event.frame('text')))
      case 'joined-deflated': {
        const compressor = this.events[0]?.compressor
        const joined = this.bytes('joined')
        if (compressor === undefined) return joined
        return Buffer.concat([...framesIn(joined)].map(({ frame, text }) => compressor.frameOf(text) ?? frame))
      }
    }
  }
}

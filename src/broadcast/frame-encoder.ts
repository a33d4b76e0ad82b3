import { topicKind } from '@fleetwire/protocol'
import { textFrame } from '../connections/text-frame.ts'
import type { FleetEvent } from '../log/event-log.ts'
import type { FrameCompressor } from './frame-compressor.ts'

/** An event as every client reads it. The payload was checked when it was drafted and serialised when it was stored. */
export function eventText(event: FleetEvent): string {
  const { type, topic, cursor, at, json } = event
  return `{"type":${JSON.stringify(type)},"topic":"${topic}","cursor":${JSON.stringify(cursor)},"at":${at},"payload":${json}}`
}

/** An event on its way out: framed at most once in each form, whatever the number of receivers. */
export class OutboundEvent {
  readonly event: FleetEvent
  readonly #compressor: FrameCompressor | undefined
  #text: string | undefined
  #frame: Buffer | undefined
  #compressed: Buffer | undefined

  /** Without a compressor both forms are the same. */
  constructor(event: FleetEvent, compressor?: FrameCompressor) {
    this.event = event
    this.#compressor = compressor
  }

  get frame(): Buffer {
    this.#frame ??= textFrame(this.#encoded)
    return this.#frame
  }

  get compressedFrame(): Buffer {
    this.#compressed ??= this.#compressor?.frameOf(this.#encoded) ?? this.frame
    return this.#compressed
  }

  /** Set where a later event of the same key makes this one superfluous: the topic of a record or of a metric. */
  get supersededBy(): string | undefined {
    return topicKind(this.event.topic) === 'stream' ? undefined : this.event.topic
  }

  get #encoded(): string {
    this.#text ??= eventText(this.event)
    return this.#text
  }
}

/** Events due at the same time to one or many connections, which share the bytes. */
export class EventBatch {
  readonly events: readonly OutboundEvent[]
  #bytes: Buffer | undefined
  #compressedBytes: Buffer | undefined

  constructor(events: readonly OutboundEvent[]) {
    this.events = events
  }

  /** All frames as one buffer. */
  get bytes(): Buffer {
    this.#bytes ??= joined(this.events.map(({ frame }) => frame))
    return this.#bytes
  }

  /** As `bytes`, for peers that take compressed frames. */
  get compressedBytes(): Buffer {
    this.#compressedBytes ??= this.events.every(event => event.compressedFrame === event.frame)
      ? this.bytes
      : joined(this.events.map(({ compressedFrame }) => compressedFrame))
    return this.#compressedBytes
  }
}

const joined = (frames: Buffer[]): Buffer => (frames.length === 1 ? frames[0]! : Buffer.concat(frames))

import type { ServerPayloads } from '@fleetwire/protocol'
import type { Sink } from '../../src/broadcast/subscriber.ts'
import type { EventBatch } from '../../src/frames/frame-encoder.ts'

type Given = { cursor: string; type: string; topic: string } | { frame: string; payload: unknown }

/** Records what a subscriber is given, in order. While `busy`, it does not drain. */
export class FakeSink implements Sink {
  readonly given: Given[] = []
  readonly batches: EventBatch[] = []
  isOpen = true
  busy = false
  #waiters: (() => void)[] = []

  deliver(batch: EventBatch): void {
    this.batches.push(batch)
    for (const { event } of batch.events)
      this.given.push({ cursor: event.cursor, type: event.type, topic: event.topic })
  }

  replay(batch: EventBatch): void {
    this.deliver(batch)
  }

  send<K extends 'snapshot' | 'resume:done' | 'resync:required' | 'error'>(type: K, payload: ServerPayloads[K]): void {
    this.given.push({ frame: type, payload })
  }

  drained(): Promise<void> {
    if (!this.busy) return Promise.resolve()
    return new Promise(resolve => this.#waiters.push(resolve))
  }

  drain(): void {
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  get events(): { cursor: string; type: string; topic: string }[] {
    return this.given.filter(item => 'cursor' in item)
  }

  /** All frames, typed as snapshots, because tests mostly look at those. */
  get frames(): { frame: string; payload: ServerPayloads['snapshot'] }[] {
    return this.given.filter(item => 'frame' in item) as { frame: string; payload: ServerPayloads['snapshot'] }[]
  }
}

import type { EventPayloads, Session } from '@fleetwire/protocol'
import { patched } from './json-patch.ts'
import { OlderItems } from './older-items.ts'
import { Transcript, type TranscriptFrame } from './transcript.ts'

/** A session with its messages, tool calls and state, starting from a snapshot. */
export class Conversation {
  readonly transcript = new Transcript()
  readonly #older = new OlderItems()
  #session: Session | undefined
  #state: unknown
  #pending: TranscriptFrame[] = []
  #pages: { events: readonly TranscriptFrame[]; isLast: boolean }[] = []
  /** Where older events continue; null if there are none. */
  olderCursor: string | null | undefined

  get session(): Session | undefined {
    return this.#session
  }

  get state(): unknown {
    return this.#state
  }

  /** Queues an event, or an item of the snapshot, for `apply`. */
  add(frame: TranscriptFrame): void {
    this.#pending.push(frame)
  }

  /** Queues a page of history, newest event first, for `apply`. Returns how many items begin in it. */
  addOlder(events: readonly TranscriptFrame[], nextCursor: string | null): number {
    this.olderCursor = nextCursor
    this.#pages.push({ events, isLast: nextCursor === null })
    return events.filter(({ type }) => type.endsWith(':start')).length
  }

  /** Applies what was queued. Returns the ids of changed items. */
  apply(): Set<string> {
    const frames = this.#pending
    this.#pending = []
    const changed = new Set<string>()
    for (const frame of frames) {
      const id = this.#apply(frame)
      if (id !== undefined) changed.add(id)
    }
    for (const { events, isLast } of this.#pages.splice(0)) {
      for (const id of this.transcript.prepend(this.#older.take(events, isLast))) changed.add(id)
    }
    return changed
  }

  #apply(frame: TranscriptFrame): string | undefined {
    switch (frame.type) {
      case 'session:started':
      case 'session:activity':
      case 'session:typing':
      case 'session:ended':
        this.#session = frame.payload as Session
        return undefined
      case 'state:snapshot':
        this.#state = (frame.payload as EventPayloads['state:snapshot']).snapshot
        return undefined
      case 'state:patch':
        this.#state = patched(this.#state ?? {}, (frame.payload as EventPayloads['state:patch']).patch)
        return undefined
      default:
        return this.transcript.apply(frame)
    }
  }
}

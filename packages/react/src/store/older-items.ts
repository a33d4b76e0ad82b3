import { type ConversationItem, Transcript, type TranscriptFrame } from './transcript.ts'

/** Puts items together out of pages of events that are read backwards: an item is whole when its start is read. */
export class OlderItems {
  /** Events of items whose start is older than what was read, oldest first. */
  #waiting: TranscriptFrame[] = []

  /** `events`: the next older page, the newest first. Returns the items that begin in it, oldest first. */
  take(events: readonly TranscriptFrame[], isLast: boolean): ConversationItem[] {
    const all = [...events.toReversed(), ...this.#waiting]
    const begun = new Set(all.filter(({ type }) => type.endsWith(':start')).map(keyOf))
    const whole = new Transcript()
    this.#waiting = []
    for (const event of all) {
      // What left retention has no start: the rest of it is all that there is.
      if (isLast || begun.has(keyOf(event))) whole.apply(event)
      else this.#waiting.push(event)
    }
    return whole.items
  }
}

const keyOf = ({ payload }: TranscriptFrame): string => {
  const { toolCallId, messageId } = payload as { toolCallId?: string; messageId?: string }
  return toolCallId ?? messageId ?? ''
}

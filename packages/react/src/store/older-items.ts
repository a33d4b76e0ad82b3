import { type ConversationItem, Transcript, type TranscriptFrame } from './transcript.ts'

/** Assembles items from pages of events that are read backwards: an item is complete once its start is read. */
export class OlderItems {
  /** Events of items whose start has not been read yet, oldest first. */
  #waiting: TranscriptFrame[] = []

  /** `events`: the next older page, newest first. Returns the items that begin in it, oldest first. */
  take(events: readonly TranscriptFrame[], isLast: boolean): ConversationItem[] {
    const all = [...events.toReversed(), ...this.#waiting]
    const begun = new Set(all.filter(({ type }) => type.endsWith(':start')).map(keyOf))
    const whole = new Transcript()
    this.#waiting = []
    for (const event of all) {
      // The start of an item may be beyond retention: then the remaining events are all there is.
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

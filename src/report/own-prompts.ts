type Fields = Record<string, unknown>

/** Limits, for messages that never end and for texts that are too long to be a prompt. */
const MAX_HELD = 16
const MAX_CHARS = 1024 * 1024

/** What to do with a frame of a message. */
export type Held =
  /** Report the frame: it does not belong to a message that is held back. */
  | 'passed'
  /** Report nothing: the message is not complete yet, or it repeats the prompt. */
  | 'held'
  /** Report this complete message: its text is not the prompt. */
  | { payload: Fields; text: string }

/**
 * Filters out repeated prompts. The client that sends a prompt to a conversation has already added it there. The
 * program reports it again when it takes the prompt, which would duplicate the message. So user messages during such a
 * command are held back until they are complete, and dropped if they equal the prompt.
 */
export class OwnPrompts {
  readonly #held = new Map<string, { payload: Fields; text: string }>()

  /** `prompt`: the running command's prompt, if the command names a session. */
  take(type: string, payload: Fields, prompt: string | undefined): Held {
    const id = String(payload.messageId)
    if (type === 'message:start' && payload.role === 'user' && prompt !== undefined && this.#held.size < MAX_HELD) {
      this.#held.set(id, { payload, text: String(payload.text ?? '') })
      return 'held'
    }
    const held = this.#held.get(id)
    if (held === undefined) return 'passed'
    if (type === 'message:delta' && held.text.length < MAX_CHARS) held.text += String(payload.delta)
    if (type !== 'message:end') return 'held'
    this.#held.delete(id)
    const text = typeof payload.text === 'string' ? payload.text : held.text
    return text.trim() === prompt?.trim() ? 'held' : { payload: held.payload, text }
  }
}

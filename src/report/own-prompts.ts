type Fields = Record<string, unknown>

/** Those that are never ended are not held for ever; a longer text is no prompt. */
const MAX_HELD = 16
const MAX_CHARS = 1024 * 1024

/** What came of a frame about a message of the user. */
export type Held =
  /** It is none, or nothing is to be held back. */
  | 'passed'
  /** It waits for its end, or was told of already. */
  | 'held'
  /** It is another text than the prompt: this is to be told now, in one go. */
  | { payload: Fields; text: string }

/**
 * Whoever sends a prompt into a conversation has written it there. The program says it again when it takes the prompt, and
 * that would be a second message with the same text: so what a user says while such a command runs is held back until it
 * is whole.
 */
export class OwnPrompts {
  readonly #held = new Map<string, { payload: Fields; text: string }>()

  /** `prompt`: of the command that runs, if it names a session. */
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

type Fields = Record<string, unknown>

/** Of a longer answer, only the end is kept. */
const MAX_CHARS = 256 * 1024
/** Commands run one after another, so the last few are enough. */
const MAX_COMMANDS = 8

/** A program's answers to its commands, assembled from the messages that it reported. */
export class AnswerTexts {
  /** Texts of unfinished assistant messages, by message id. */
  readonly #open = new Map<string, string>()
  readonly #answers = new Map<string, string>()

  note(type: string, { messageId, role, text, delta, commandId }: Fields): void {
    const id = String(messageId)
    if (type === 'message:start' && (role === undefined || role === 'assistant')) this.#open.set(id, String(text ?? ''))
    const said = this.#open.get(id)
    if (said === undefined) return
    if (type === 'message:delta') this.#open.set(id, `${said}${delta}`.slice(-MAX_CHARS))
    if (type !== 'message:end') return
    this.#open.delete(id)
    if (typeof commandId === 'string') this.#keep(commandId, typeof text === 'string' ? text.slice(-MAX_CHARS) : said)
  }

  of(commandId: string): string | undefined {
    return this.#answers.get(commandId)
  }

  #keep(commandId: string, text: string): void {
    this.#answers.delete(commandId)
    this.#answers.set(commandId, text)
    if (this.#answers.size > MAX_COMMANDS) this.#answers.delete(this.#answers.keys().next().value as string)
  }
}

import type { CommandRun } from '@fleetwire/client/node'
import { between, pause } from './pause.ts'

/** As fast as somebody reads who is in a hurry. */
const TOKEN_MS = { least: 18, most: 55 }

/** Cuts a text as models do: a word with the blank before it, punctuation, a line break. */
export const tokensOf = (text: string): string[] => text.match(/\n+| *[\p{L}\p{N}_]+| *[^\p{L}\p{N}_\s]| +/gu) ?? []

/** Says a text token by token, in one message of the run. */
export class Voice {
  readonly #run: CommandRun
  readonly #onToken: () => void
  #message: ReturnType<CommandRun['message']> | undefined
  /** How many tokens were said. */
  said = 0
  #text = ''

  constructor(run: CommandRun, onToken: () => void = () => {}) {
    this.#run = run
    this.#onToken = onToken
  }

  /** Everything that was said so far. */
  get text(): string {
    return this.#text
  }

  async say(text: string): Promise<void> {
    for (const token of tokensOf(text)) {
      this.#run.signal.throwIfAborted()
      this.#message ??= this.#run.message()
      this.#message.append(token)
      this.#text += token
      this.said++
      this.#onToken()
      await pause(between(TOKEN_MS.least, TOKEN_MS.most), this.#run.signal)
    }
  }

  /** Ends the message: what is said next is another one. */
  end(): void {
    this.#message?.end()
    this.#message = undefined
  }
}

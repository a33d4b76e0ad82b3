import type { CommandRun } from '@fleetwire/client/node'
import { between, pause } from './pause.ts'

/** About the pace of a fast reader. */
const TOKEN_MS = { least: 18, most: 55 }

/** Splits a text into tokens as models do: a word with the space before it, punctuation, a line break. */
export const tokensOf = (text: string): string[] => text.match(/\n+| *[\p{L}\p{N}_]+| *[^\p{L}\p{N}_\s]| +/gu) ?? []

/** Writes a text token by token, as one message of the run. */
export class Voice {
  readonly #run: CommandRun
  readonly #onToken: () => void
  #message: ReturnType<CommandRun['message']> | undefined
  /** The number of tokens written so far. */
  said = 0
  #text = ''

  constructor(run: CommandRun, onToken: () => void = () => {}) {
    this.#run = run
    this.#onToken = onToken
  }

  /** All text written so far. */
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

  /** Ends the message: the next text begins another one. */
  end(): void {
    this.#message?.end()
    this.#message = undefined
  }
}

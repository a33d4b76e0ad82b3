import type { AgentPayloads, AgentServerPayloads } from '@fleetwire/protocol'
import { FleetwireError } from '../errors.ts'

export type InteractionAnswer = AgentServerPayloads['interaction:answer']

export type Question = AgentPayloads['interaction:request']

interface Asked {
  question: Question
  resolve(answer: InteractionAnswer): void
  reject(error: unknown): void
  /** Removes the listener from the signal, which may outlive many questions. */
  unlisten(): void
}

/** Interactions waiting for an answer. */
export class Questions {
  readonly #asked = new Map<string, Asked>()

  /** Rejects when `signal` aborts or the client stops. The server learns of this from the end of the command. */
  wait(question: Question, signal: AbortSignal | undefined): Promise<InteractionAnswer> {
    const { interactionId } = question
    return new Promise((resolve, reject) => {
      const abort = () => {
        // A newer question may have taken the id.
        if (this.#asked.get(interactionId) === asked) this.#settle(interactionId)
        reject(signal?.reason)
      }
      const asked: Asked = { question, resolve, reject, unlisten: () => signal?.removeEventListener('abort', abort) }
      this.#asked.set(interactionId, asked)
      if (signal?.aborted) abort()
      else signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** The questions waiting for an answer. */
  waiting(): Question[] {
    return Array.from(this.#asked.values(), ({ question }) => question)
  }

  /** False if nothing here waits for this answer. */
  answer(answer: InteractionAnswer): boolean {
    const asked = this.#settle(answer.interactionId)
    asked?.resolve(answer)
    return asked !== undefined
  }

  /** The server refused the question, so no answer will come. */
  refuse(interactionId: string, message: string): void {
    this.#settle(interactionId)?.reject(new FleetwireError('refused', message))
  }

  stop(): void {
    for (const id of [...this.#asked.keys()])
      this.#settle(id)?.reject(new FleetwireError('stopped', 'the agent stopped'))
  }

  #settle(interactionId: string): Asked | undefined {
    const asked = this.#asked.get(interactionId)
    this.#asked.delete(interactionId)
    asked?.unlisten()
    return asked
  }
}

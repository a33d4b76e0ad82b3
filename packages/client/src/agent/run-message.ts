import { FleetwireError } from '../errors.ts'
import { randomId } from '../random-id.ts'
import type { RunWriter, WriterPort } from './run-writer.ts'
import { endsInHalf } from './text-part.ts'

export interface RunMessageOptions {
  /** Default: a new id. */
  messageId?: string
  /** Default: the assistant's role. */
  role?: string
}

/** A message that is sent while it grows. */
export interface RunMessage {
  readonly sessionId: string
  readonly messageId: string
  /** Accepts text of any length. Throws `ended`, or `outbox_full` and then keeps nothing. */
  append(text: string): void
  /** Idempotent. */
  end(): void
}

export class MessageWriter implements RunMessage, RunWriter {
  readonly sessionId: string
  readonly messageId: string
  readonly #port: WriterPort
  /** First half of a surrogate pair whose second half comes with the next text: models and pipes cut anywhere. */
  #half = ''
  #state: 'open' | 'ended' = 'open'

  constructor(sessionId: string, { messageId = `msg_${randomId()}`, role }: RunMessageOptions, port: WriterPort) {
    this.sessionId = sessionId
    this.messageId = messageId
    this.#port = port
    port.report('message:start', { sessionId, messageId, ...(role !== undefined && { role }) })
  }

  append(text: string): void {
    if (this.#state === 'ended') throw new FleetwireError('ended', `message ${this.messageId} has ended`)
    const all = this.#half + text
    const half = endsInHalf(all) ? all.slice(-1) : ''
    this.#tell(all.slice(0, all.length - half.length))
    this.#half = half
  }

  end(): void {
    if (this.#state === 'ended') return
    // Exempt from the limit: no part of the text may be missing, and a run's result does not wait for space either.
    this.#tell(this.#half, true)
    this.#state = 'ended'
    this.#port.report('message:end', this.#ids, { exempt: true })
    this.#port.ended(this)
  }

  close(): void {
    this.end()
  }

  get #ids(): { sessionId: string; messageId: string } {
    return { sessionId: this.sessionId, messageId: this.messageId }
  }

  #tell(delta: string, exempt = false): void {
    if (delta !== '') this.#port.report('message:delta', { ...this.#ids, delta }, { exempt })
  }
}

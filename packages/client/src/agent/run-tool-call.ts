import type { AgentPayloads } from '@fleetwire/protocol'
import { FleetwireError } from '../errors.ts'
import { randomId } from '../random-id.ts'
import type { RunWriter, WriterPort } from './run-writer.ts'

export interface RunToolCallOptions {
  /** Default: a new id. */
  toolCallId?: string
  /** The message that requests the call. */
  messageId?: string
}

type ToolError = NonNullable<AgentPayloads['tool:end']['error']>

/** A tool call that is sent while it is in progress. */
export interface RunToolCall {
  readonly sessionId: string
  readonly toolCallId: string
  /** Sends a piece of the arguments' JSON, as the model streams it. Throws `ended`. */
  args(delta: string): void
  /** Throws `frame_too_large` for a result over the frame limit, and `ended` if called twice. */
  end(result?: unknown): void
  /** Ends the call as failed. */
  fail(error: ToolError): void
}

export class ToolCallWriter implements RunToolCall, RunWriter {
  readonly sessionId: string
  readonly toolCallId: string
  readonly #port: WriterPort
  #state: 'open' | 'ended' = 'open'

  constructor(sessionId: string, options: RunToolCallOptions & { name: string; args: unknown }, port: WriterPort) {
    const { toolCallId = `call_${randomId()}`, messageId, name, args } = options
    this.sessionId = sessionId
    this.toolCallId = toolCallId
    this.#port = port
    const of = { sessionId, toolCallId, ...(messageId !== undefined && { messageId }) }
    port.report('tool:start', { ...of, name, ...(args !== undefined && { args }) })
  }

  args(delta: string): void {
    this.#check()
    this.#port.report('tool:args', { ...this.#ids, delta })
  }

  end(result?: unknown): void {
    this.#end(result === undefined ? {} : { result })
  }

  fail(error: ToolError): void {
    this.#end({ error })
  }

  close(): void {
    if (this.#state === 'open') this.fail({ code: 'abandoned', message: 'Its run has ended.' })
  }

  get #ids(): { sessionId: string; toolCallId: string } {
    return { sessionId: this.sessionId, toolCallId: this.toolCallId }
  }

  #check(): void {
    if (this.#state === 'ended') throw new FleetwireError('ended', `tool call ${this.toolCallId} has ended`)
  }

  #end(ending: { result?: unknown; error?: ToolError }): void {
    this.#check()
    this.#port.report('tool:end', { ...this.#ids, ...ending }, { exempt: true })
    this.#state = 'ended'
    this.#port.ended(this)
  }
}

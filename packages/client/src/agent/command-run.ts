import type { AgentFrameType, AgentPayloads, CommandOutcome } from '@fleetwire/protocol'
import type { DispatchedCommand, InteractionEnd } from '../journal.ts'
import { short } from './fit-outcome.ts'
import type { PushOptions } from './outbox.ts'
import { MessageWriter, type RunMessage, type RunMessageOptions } from './run-message.ts'
import { type RunToolCall, type RunToolCallOptions, ToolCallWriter } from './run-tool-call.ts'
import type { ReportType, RunWriter, WriterPort } from './run-writer.ts'

type Progress = Omit<AgentPayloads['command:progress'], 'commandId' | 'attempt'>
type Activity = Omit<AgentPayloads['session:activity'], 'sessionId' | 'typing'>
type Sender = <K extends AgentFrameType>(type: K, payload: AgentPayloads[K], options?: PushOptions) => void

/** One run of one command, as its handler sees it. */
export interface CommandRun {
  readonly commandId: string
  /** Grows when the server dispatches the same command again. Reports carry the latest attempt automatically. */
  readonly attempt: number
  readonly kind: string
  readonly input: unknown
  /** The session that the command names, if any. Without one, messages go to a session with the command's id. */
  readonly sessionId?: string | undefined
  readonly taskId?: string | undefined
  /** The server enforces it with an interrupt. 0: no limit. */
  readonly runTimeoutMs: number
  /** What a shell line should run on. Default: a terminal. */
  readonly stdio?: DispatchedCommand['stdio']
  /** Aborts when the command is interrupted: stop and return (or throw). */
  readonly signal: AbortSignal
  /** Aborts when the interrupt was not confirmed in time: kill whatever is still running. */
  readonly force: AbortSignal
  progress(progress: Progress): void
  /** Begins a message in the run's session. If the handler leaves it open, it ends with the run. */
  message(options?: RunMessageOptions): RunMessage
  /** Begins a tool call. If the handler leaves it open, it ends with the error `abandoned`. */
  tool(name: string, args?: unknown, options?: RunToolCallOptions): RunToolCall
  /** Shows a typing indicator for 6 s, or until a message of the session ends. */
  typing(typing?: boolean): void
  /** Reports the title of the session and its last message. */
  activity(activity?: Activity): void
  /** Replaces the shared state of the session. */
  state(snapshot: unknown): void
  /** Changes the shared state with a JSON Patch (RFC 6902). */
  patch(operations: AgentPayloads['state:patch']['patch']): void
  /**
   * The run waits for a person (`detail` says for what), or no longer does (false). While a `reported` wait lasts, the
   * run clock is paused; an `inferred` or `guessed` wait may be wrong and is only displayed.
   */
  waiting(detail: string | false, evidence?: 'reported' | 'inferred' | 'guessed'): void
  /** Like the client's `report`; messages, tool calls and interactions carry this command's id. */
  report<K extends ReportType>(type: K, payload: AgentPayloads[K]): void
}

/**
 * Runs one command. The return value is the result. An exception makes the command failed, or cancelled if it had been
 * interrupted.
 */
export type CommandHandler = (run: CommandRun) => CommandOutcome | Promise<CommandOutcome>

const CONCERNS_COMMAND = /^(message|tool):|^interaction:request$/

export class ActiveRun implements CommandRun {
  readonly #command: DispatchedCommand
  readonly #send: Sender
  readonly #interrupt = new AbortController()
  readonly #force = new AbortController()
  readonly #open = new Set<RunWriter>()
  readonly #asked = new Set<string>()
  readonly #ends = new Set<InteractionEnd>()
  #attempt: number

  constructor(command: DispatchedCommand, send: Sender) {
    this.#command = command
    this.#send = send
    this.#attempt = command.attempt
  }

  get commandId(): string {
    return this.#command.commandId
  }

  get attempt(): number {
    return this.#attempt
  }

  get kind(): string {
    return this.#command.kind
  }

  get input(): unknown {
    return this.#command.input
  }

  get sessionId(): string | undefined {
    return this.#command.sessionId
  }

  get taskId(): string | undefined {
    return this.#command.taskId
  }

  get runTimeoutMs(): number {
    return this.#command.runTimeoutMs
  }

  get stdio(): DispatchedCommand['stdio'] {
    return this.#command.stdio
  }

  get signal(): AbortSignal {
    return this.#interrupt.signal
  }

  get force(): AbortSignal {
    return this.#force.signal
  }

  progress(progress: Progress): void {
    this.#send('command:progress', { commandId: this.commandId, attempt: this.#attempt, ...progress })
  }

  message(options: RunMessageOptions = {}): RunMessage {
    const message = new MessageWriter(this.#sessionId, options, this.#writerPort())
    this.#open.add(message)
    return message
  }

  tool(name: string, args?: unknown, options: RunToolCallOptions = {}): RunToolCall {
    const call = new ToolCallWriter(this.#sessionId, { ...options, name, args }, this.#writerPort())
    this.#open.add(call)
    return call
  }

  typing(typing = true): void {
    this.report('session:typing', { sessionId: this.#sessionId, typing })
  }

  activity(activity: Activity = {}): void {
    this.report('session:activity', { sessionId: this.#sessionId, ...activity })
  }

  state(snapshot: unknown): void {
    this.report('state:snapshot', { sessionId: this.#sessionId, snapshot })
  }

  patch(operations: AgentPayloads['state:patch']['patch']): void {
    this.report('state:patch', { sessionId: this.#sessionId, patch: operations })
  }

  waiting(detail: string | false, evidence: 'reported' | 'inferred' | 'guessed' = 'reported'): void {
    const status =
      detail === false ? { work: 'working' as const } : { work: 'waiting' as const, detail: short(detail), evidence }
    this.#send('agent:status', { ...status, commandId: this.commandId })
  }

  report<K extends ReportType>(type: K, payload: AgentPayloads[K]): void {
    this.#report(type, payload)
  }

  /** Continues the same run under a newer attempt. */
  relabel(attempt: number): void {
    this.#attempt = Math.max(this.#attempt, attempt)
  }

  /** Records that the run asks a person. */
  asked(interactionId: string): void {
    this.#asked.add(interactionId)
  }

  hasAsked(interactionId: string): boolean {
    return this.#asked.has(interactionId)
  }

  /** Keeps how a question of this run ended. Call the returned function once the server has stored it. */
  keep(end: InteractionEnd): () => void {
    this.#ends.add(end)
    return () => this.#ends.delete(end)
  }

  /** Ends of questions that the server has not stored. */
  get unstored(): InteractionEnd[] {
    return [...this.#ends]
  }

  /** Ends the messages and tool calls that the handler left open. */
  close(): void {
    for (const writer of this.#open) writer.close()
  }

  /** Idempotent. */
  interrupt(force: boolean): void {
    this.#interrupt.abort()
    if (force) this.#force.abort()
  }
  get #sessionId(): string {
    return this.sessionId ?? this.commandId
  }

  #writerPort(): WriterPort {
    return {
      report: (type, payload, options) => this.#report(type, payload, options),
      ended: writer => this.#open.delete(writer),
    }
  }

  #report<K extends ReportType>(type: K, payload: AgentPayloads[K], options?: PushOptions): void {
    const task = type === 'interaction:request' || this.taskId === undefined ? {} : { taskId: this.taskId }
    const concerns = CONCERNS_COMMAND.test(type) ? { commandId: this.commandId, ...task } : {}
    this.#send(type, { ...concerns, ...payload }, options)
  }
}

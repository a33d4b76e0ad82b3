import type { AgentFrameType, AgentPayloads, CommandOutcome } from '@fleetwire/protocol'
import type { DispatchedCommand } from '../journal.ts'
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
  /** Grows when the server dispatches the same command again; reports carry the latest by themselves. */
  readonly attempt: number
  readonly kind: string
  readonly input: unknown
  /** The session that the command names, if it names one; what is said without one is in a session of the command's id. */
  readonly sessionId?: string | undefined
  readonly taskId?: string | undefined
  /** Enforced by the server, which interrupts; 0: no limit. */
  readonly runTimeoutMs: number
  /** What whoever submitted it wants a shell line to run on. Default: a terminal. */
  readonly stdio?: DispatchedCommand['stdio']
  /** Aborts when the command is interrupted: stop what you do and return (or throw). */
  readonly signal: AbortSignal
  /** Aborts when the interrupt was not confirmed in time: kill what is left. */
  readonly force: AbortSignal
  progress(progress: Progress): void
  /** Begins a message in the session of the run. What the handler leaves open ends with it. */
  message(options?: RunMessageOptions): RunMessage
  /** Begins a tool call; one that the handler leaves open ends with the error `abandoned`. */
  tool(name: string, args?: unknown, options?: RunToolCallOptions): RunToolCall
  /** Shown for 6 s, or until a message of the session ends. */
  typing(typing?: boolean): void
  /** What the session is called and what was last said in it. */
  activity(activity?: Activity): void
  /** Replaces the state that the session shares. */
  state(snapshot: unknown): void
  /** Changes that state by RFC 6902. */
  patch(operations: AgentPayloads['state:patch']['patch']): void
  /**
   * The run waits for a person (`detail` says for what), or no longer (false). While it is `reported` the run clock
   * stands still; an `inferred` wait, which may be none, is only shown.
   */
  waiting(detail: string | false, evidence?: 'reported' | 'inferred'): void
  /** As the client's `report`, and messages, tool calls and interactions name this command. */
  report<K extends ReportType>(type: K, payload: AgentPayloads[K]): void
}

/**
 * Runs one command. What is returned is its result; what is thrown makes it failed, or cancelled where it had been
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

  waiting(detail: string | false, evidence: 'reported' | 'inferred' = 'reported'): void {
    const status =
      detail === false ? { work: 'working' as const } : { work: 'waiting' as const, detail: short(detail), evidence }
    this.#send('agent:status', { ...status, commandId: this.commandId })
  }

  report<K extends ReportType>(type: K, payload: AgentPayloads[K]): void {
    this.#report(type, payload)
  }

  /** The same run under a newer attempt. */
  relabel(attempt: number): void {
    this.#attempt = Math.max(this.#attempt, attempt)
  }

  /** Ends what the handler left open. */
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

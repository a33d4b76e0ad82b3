import type { AgentFrameType, AgentPayloads, CommandOutcome } from '@fleetwire/protocol'
import type { DispatchedCommand } from '../journal.ts'

type Progress = Omit<AgentPayloads['command:progress'], 'commandId' | 'attempt'>
type Sender = <K extends AgentFrameType>(type: K, payload: AgentPayloads[K]) => void

/** What an agent may report of itself; commands, terminals and the connection report through their own verbs. */
export type ReportType = Exclude<
  AgentFrameType,
  'agent:connect' | 'agent:exit' | 'heartbeat' | `command:${string}` | `terminal:${string}`
>

/** One run of one command, as its handler sees it. */
export interface CommandRun {
  readonly commandId: string
  /** Grows when the server dispatches the same command again; reports carry the latest by themselves. */
  readonly attempt: number
  readonly kind: string
  readonly input: unknown
  readonly sessionId?: string | undefined
  readonly taskId?: string | undefined
  /** Enforced by the server, which interrupts; 0: no limit. */
  readonly runTimeoutMs: number
  /** Aborts when the command is interrupted: stop what you do and return (or throw). */
  readonly signal: AbortSignal
  /** Aborts when the interrupt was not confirmed in time: kill what is left. */
  readonly force: AbortSignal
  progress(progress: Progress): void
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

  get signal(): AbortSignal {
    return this.#interrupt.signal
  }

  get force(): AbortSignal {
    return this.#force.signal
  }

  progress(progress: Progress): void {
    this.#send('command:progress', { commandId: this.commandId, attempt: this.#attempt, ...progress })
  }

  report<K extends ReportType>(type: K, payload: AgentPayloads[K]): void {
    const task = type === 'interaction:request' || this.taskId === undefined ? {} : { taskId: this.taskId }
    const concerns = CONCERNS_COMMAND.test(type) ? { commandId: this.commandId, ...task } : {}
    this.#send(type, { ...concerns, ...payload })
  }

  /** The same run under a newer attempt. */
  relabel(attempt: number): void {
    this.#attempt = Math.max(this.#attempt, attempt)
  }

  /** Idempotent. */
  interrupt(force: boolean): void {
    this.#interrupt.abort()
    if (force) this.#force.abort()
  }
}

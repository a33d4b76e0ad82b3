import type { Command, CommandStatus, EditCommandBody, SubmitCommandBody, WireError } from '@fleetwire/protocol'
import type { Caller } from '../caller.ts'
import type { Refused } from '../outcome.ts'
import type { CommandCensus } from './command-census.ts'

/** What commands need to know of tasks. */
export interface TaskView {
  /** Why the caller may not say that something concerns this task. */
  hidden(taskId: string | undefined, caller: Caller): Promise<WireError | undefined>
}

export interface SubmitRequest extends SubmitCommandBody {
  agentId: string
  /** `sub` of whoever asks. */
  createdBy: string
  retryOf?: string
  parentId?: string
}

export type SubmitResult =
  /** On disk. */
  | { status: 'accepted'; command: Command }
  /** The idempotency key was used before with the same body; this is its command as it stands now. */
  | { status: 'replayed'; command: Command }
  | Refused

export type InterruptOutcome =
  /** `affected: false`: it had ended, or an interrupt was already under way. */
  { status: 'ok'; affected: boolean; command: Command } | Refused

export type EditOutcome = { status: 'ok'; command: Command } | Refused

export interface ListQuery {
  agentId?: string | readonly string[]
  status?: readonly CommandStatus[]
  taskId?: string
  parentId?: string
  createdAfter?: number
  limit: number
  cursor?: string
}

export interface CommandList {
  items: Command[]
  nextCursor: string | null
}

/** The public face of commands: what routes, sockets and embedding code call. */
export interface CommandQueue {
  /** `caller`: by default code in this process. */
  submit(request: SubmitRequest, caller?: Caller): Promise<SubmitResult>
  interrupt(commandId: string, by: Caller & { reason?: string }): Promise<InterruptOutcome>
  /** Submits the same again as a new command with `retryOf`; only what has ended can be retried. */
  retry(commandId: string, by: Caller & { createdBy: string }): Promise<SubmitResult>
  /** Changes a command that is still queued. */
  edit(commandId: string, changes: EditCommandBody, by: Caller): Promise<EditOutcome>
  /** Ends a command that is still queued. */
  drop(commandId: string, by: Caller): Promise<EditOutcome>
  get(commandId: string): Promise<Command | undefined>
  /** Newest first. */
  list(query: ListQuery): Promise<CommandList>
  /** Resolves with the command once it has ended, or as it stands when `timeoutMs` is over. */
  waitForEnd(command: Command, timeoutMs: number): Promise<Command>
  /** How many commands stand where, and how many ended since the process started. */
  stats(): CommandCensus
  /** Ends the waits, and lets nobody wait until a next start: each resolves with its command as it stands. */
  endWaits(): void
}

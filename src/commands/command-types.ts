import type { Command, CommandStatus, SubmitCommandBody, WireError } from '@fleetwire/protocol'
import type { Caller } from '../caller.ts'
import type { ItemPage } from '../log/each-record.ts'
import type { Refused } from '../outcome.ts'

/** What commands need to know about tasks. */
export interface TaskView {
  /** Why the caller may not refer to this task; undefined if it may. */
  hidden(taskId: string | undefined, caller: Caller): Promise<WireError | undefined>
}

export interface SubmitRequest extends SubmitCommandBody {
  agentId: string
  /** The `sub` of the submitter. */
  createdBy: string
  retryOf?: string
  parentId?: string
}

export type SubmitResult =
  /** On disk. */
  | { status: 'accepted'; command: Command }
  /** The idempotency key was used before with the same body: its command, in its current state. */
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

export type CommandList = ItemPage<Command>

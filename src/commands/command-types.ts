import type { Command, SubmitCommandBody, WireError } from '@fleetwire/protocol'

/** An expected "no": the protocol's error, returned and never thrown. */
export interface Refused {
  status: 'refused'
  error: WireError
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

/** What routes need of the command queue. `canSee` decides which agents exist for the caller. */
export interface CommandQueue {
  submit(request: SubmitRequest): Promise<SubmitResult>
  interrupt(commandId: string, by: { canSee(agentId: string): boolean; reason?: string }): Promise<InterruptOutcome>
  get(commandId: string): Promise<Command | undefined>
}

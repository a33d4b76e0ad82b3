import type { Command } from '@fleetwire/protocol'
import type { AgUiEvent } from './ag-ui-event.ts'
import { errorText } from './messages.ts'

/** The event that ends a run with its command. `pending`: tool calls that are left to the client. */
export function endingOf(
  command: Command,
  { threadId, runId }: { threadId: string; runId: string },
  pending: string[],
): AgUiEvent {
  const { status, output } = command
  switch (status) {
    case 'succeeded': {
      const left = pending.length > 0 && { pendingToolCallIds: pending }
      const result = output !== undefined && output !== null && { result: output }
      return { type: 'RUN_FINISHED', threadId, runId, ...result, outcome: { type: 'success', ...left } }
    }
    case 'cancelled':
      return { type: 'RUN_FINISHED', threadId, runId, outcome: { type: 'cancelled' } }
    default:
      return { type: 'RUN_ERROR', message: messageOf(command), code: errorCodeOf(command) }
  }
}

export const codeOf = (error: NonNullable<Command['error']>): string | undefined =>
  typeof error === 'string' ? undefined : error.code

function messageOf({ status, error, reason, detail }: Command): string {
  if (error !== undefined) return errorText(error)
  const why = detail ?? reason
  switch (status) {
    case 'lost':
      return 'The agent was gone for too long.'
    case 'timed_out':
      return 'The run exceeded its time limit.'
    case 'expired':
      return 'The agent did not start the run in time.'
    case 'rejected':
      return `The agent refused the run${why === undefined ? '' : `: ${why}`}.`
    default:
      return `The run failed${why === undefined ? '' : `: ${why}`}.`
  }
}

function errorCodeOf({ status, error }: Command): string {
  const own = error === undefined ? undefined : codeOf(error)
  return status === 'lost' ? 'AGENT_DISCONNECTED' : (own ?? status.toUpperCase())
}

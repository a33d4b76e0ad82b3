import type { ErrorCode } from '@fleetwire/protocol'
import { Refusal } from './fleet.ts'
import { NoAnswer } from './fleet-port.ts'

/** What a model can do about a refusal; the server's message says what was wrong. */
const advice: Partial<Record<ErrorCode, string>> = {
  unauthorized:
    'The token of this connection is missing, expired or revoked. Only the person who set it up can give it a new one (FLEETWIRE_TOKEN, or the Authorization header); do not try again before that.',
  forbidden:
    'The token of this connection does not have this right, so trying again does not help. Tell the person what you wanted to do; a token of the role "operator" may command and answer.',
  not_found:
    'It does not exist, or this token may not see it. list_agents, list_commands, list_sessions and list_requests show the ids that exist.',
  cursor_gone: 'That position is no longer retained. Start again without a cursor.',
  queue_full: 'Wait for the queue of that agent to empty (wait_command on one of its commands), or use another agent.',
  rate_limited: 'Wait before the next call.',
  unavailable: 'Nothing was accepted. Try the same call again in a moment; with the same idempotencyKey it is safe.',
  invalid_request: 'Change the arguments as the message says.',
  internal: 'Try again once; if it fails again, tell the person.',
}

/** A failure whose message is already written for the model. */
export class ToolFailure extends Error {
  override readonly name = 'ToolFailure'
}

/** Whether an error is a refusal or an ordinary failure; anything else is a bug in this program. */
export const isExpected = (error: unknown): boolean =>
  error instanceof Refusal || error instanceof NoAnswer || error instanceof ToolFailure

/** Explains to a model what went wrong and what to do about it. */
export function explain(error: unknown): string {
  if (error instanceof Refusal) {
    const { code, message, retryAfterSeconds } = error
    const when = retryAfterSeconds === undefined ? '' : ` Try again in ${retryAfterSeconds} s.`
    return [`${code}: ${message}${when}`, advice[code]].filter(Boolean).join('\n')
  }
  if (error instanceof NoAnswer) {
    return `unreachable: ${error.message}\nThe request may or may not have arrived. Try the same call again later; a command with the same idempotencyKey is never run twice.`
  }
  if (error instanceof ToolFailure) return error.message
  return `internal: ${(error as Error).message}`
}

import type { PromptResponse } from '@agentclientprotocol/sdk'
import type { CommandOutcome } from '@fleetwire/protocol'
import { acpCodes } from './acp-error.ts'

/** Why an answer is incomplete, by the program's stop reason. */
const UNFINISHED: Record<string, string> = {
  max_tokens: 'The answer reached the model’s output token limit.',
  max_turn_requests: 'The turn reached the program’s limit of model requests.',
  refusal: 'The program refused to continue.',
}

export const failed = (code: string, message: string): CommandOutcome => ({
  status: 'failed',
  error: { code, message },
})

/** The result of a prompt. `interrupted`: we cancelled the turn. */
export function outcomeOfTurn(
  response: PromptResponse | undefined,
  text: string,
  interrupted: boolean,
): CommandOutcome {
  const output = text === '' ? {} : { output: text }
  const stopReason: unknown = response?.stopReason
  if (stopReason === 'end_turn') return { status: 'succeeded', ...output }
  if (stopReason === 'cancelled')
    return { status: 'cancelled', ...output, ...(!interrupted && { detail: 'The program ended the turn by itself.' }) }
  const message = UNFINISHED[String(stopReason)] ?? 'The program stopped for an unknown reason.'
  return { ...failed(typeof stopReason === 'string' ? stopReason : 'no_stop_reason', message), ...output }
}

/** The program responded with an error, or its updates could not be reported. */
export function failureOf(error: unknown, interrupted: boolean): CommandOutcome {
  const { code, message } = describeError(error)
  if (interrupted)
    return { status: 'cancelled', detail: `The program responded to the cancellation with an error: ${message}` }
  if (code === acpCodes.authRequired) return failed('auth_required', `The program requires a login: ${message}`)
  return failed(typeof code === 'number' ? 'program_error' : (code ?? 'failed'), message)
}

/** The program's error message, with the details that most programs put into `data`. */
export function describeError(error: unknown): { code: number | string | undefined; message: string } {
  const { code, data, message = String(error) } = (error ?? {}) as { code?: unknown; data?: unknown; message?: string }
  const { details, message: more } = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>
  const detail = [details, more, data].find(text => typeof text === 'string' && text !== '' && !message.includes(text))
  return {
    code: typeof code === 'number' || typeof code === 'string' ? code : undefined,
    message: detail === undefined ? message : `${message}: ${detail}`,
  }
}

/** Token usage of a turn. Not part of the stable protocol yet, so the library's types lack it. */
export function usageOf(response: unknown): { inputTokens: number; outputTokens: number } | undefined {
  const { usage } = (response ?? {}) as { usage?: { inputTokens?: unknown; outputTokens?: unknown } | null }
  const { inputTokens, outputTokens } = usage ?? {}
  return isCount(inputTokens) && isCount(outputTokens) ? { inputTokens, outputTokens } : undefined
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

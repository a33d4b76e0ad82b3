import { type Agent, type Command, type RunAgentInput, topics, type WireError, wireError } from '@fleetwire/protocol'
import type { EventDraft } from '../log/event-log.ts'
import { draftsOf } from '../sessions/open-messages.ts'
import { shortText } from '../short-text.ts'
import { type AgUiRun, type AgUiThread, idOf } from './ag-ui-run.ts'
import type { NewInput } from './new-input.ts'

const MAX_TITLE = 80

/** The topics whose events make up a run. The fold skips unrelated events on these topics. */
export function patternsOf({ agentId, commandId }: AgUiRun): string[] {
  return [
    topics.command(agentId, commandId),
    topics.interaction(agentId, '*'),
    topics.sessionMessages(agentId, '*'),
    topics.agentStatus(agentId),
    topics.taskStatus('*'),
  ]
}

export const NOTHING: NewInput = { text: '', messages: [], raw: [], given: [] }

/** An agent may ask for the whole input. One that takes shell lines but no prompts gets the user's text as a line. */
export function kindOf({ capabilities: { kinds } }: Agent): Command['kind'] {
  if (kinds?.includes('ag-ui')) return 'ag-ui'
  return kinds !== undefined && !kinds.includes('prompt') && kinds.includes('shell') ? 'shell' : 'prompt'
}

export function inputOf(kind: string, input: RunAgentInput, { text, raw }: NewInput): unknown {
  if (kind !== 'ag-ui') return text
  const { threadId, runId, state, tools, context, forwardedProps } = input
  return { threadId, runId, text, messages: raw, ...given({ state, tools, context, forwardedProps }) }
}

const given = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null))

export function titleOf(text: string): string {
  const [line = ''] = text.trim().split('\n', 1)
  return shortText(line, MAX_TITLE)
}

export const isFilled = (state: unknown): boolean =>
  typeof state === 'object' && state !== null && Object.keys(state).length > 0

/** A message of the user, as events on the session's stream. */
export function saidBy(
  { id, text }: { id: string; text: string },
  of: { agentId: string; sessionId: string; commandId: string },
): EventDraft[] {
  const message = { ...of, messageId: idOf(id) }
  return [
    ...draftsOf({ type: 'message:start', payload: { ...message, role: 'user', text } }),
    ...draftsOf({ type: 'message:end', payload: message }),
  ]
}

export const recordDraft = (topic: string, payload: AgUiRun | AgUiThread, expiresAt: number): EventDraft => ({
  ...{ type: 'ag-ui:stored', topic, payload, record: 'set', expiresAt },
})

const RETRY_OFFLINE_MS = 5000

export const offline = ({ agentId }: Agent): WireError =>
  wireError('unavailable', `Agent "${agentId}" is offline: nothing was accepted. Start it, or try again.`, {
    retryAfterMs: RETRY_OFFLINE_MS,
  })

export const gone = (): WireError =>
  wireError('cursor_gone', 'The beginning of the run left the log: read the transcript of its session instead.')

/** Unwraps the refusal of a batch of one: why its only agent could not take the command. */
export function unwrapped(error: WireError): WireError {
  const { refused: each } = (error.details ?? {}) as { refused?: { error: WireError }[] }
  return each?.[0]?.error ?? error
}

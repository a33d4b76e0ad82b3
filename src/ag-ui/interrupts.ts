import type { Interaction, InteractionAnswer, WireError } from '@fleetwire/protocol'
import { wireError } from '@fleetwire/protocol'
import type { AgUiInterrupt } from './ag-ui-event.ts'

/** A client's answer to an interrupt. */
export interface ResumeEntry {
  interruptId: string
  status: 'resolved' | 'cancelled'
  payload?: unknown
}

/** Converts an interaction to the interrupt that ends a run. */
export function interruptOf(interaction: Interaction): AgUiInterrupt {
  const { interactionId, kind, title, description, risk, options, subject, expiresAt } = interaction
  return {
    id: interactionId,
    reason: kind === 'permission' ? 'confirmation' : 'input_required',
    message: description === '' ? title : `${title}\n\n${description}`,
    responseSchema: schemaOf(interaction),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
    metadata: { kind, title, risk, options, ...(subject !== undefined && { subject }) },
  }
}

function schemaOf({ kind, options, schema }: Interaction): object {
  if (kind === 'form' && typeof schema === 'object' && schema !== null) return schema
  const optionId = { type: 'string', enum: options.map(({ id }) => id) }
  if (kind === 'permission') return { type: 'object', properties: { optionId }, required: ['optionId'] }
  return {
    type: 'object',
    properties: { ...(options.length > 0 && { optionId }), text: { type: 'string' }, answers: { type: 'object' } },
  }
}

export type Answer =
  | { to: 'answer'; answer: InteractionAnswer; digest?: string }
  /** The client cancelled the question and no option denies it: the command that asks is stopped. */
  | { to: 'stop' }
  | { to: 'refuse'; error: WireError }

const YES = /^(yes|y|ok|true|allow|allowed|approve|approved|accept|accepted|confirm|confirmed)$/i
const NO = /^(no|n|false|deny|denied|reject|rejected|decline|declined|cancel|cancelled)$/i
/** The field names with which front ends say yes or no. */
const VERDICTS = ['approved', 'approve', 'accepted', 'accept', 'allowed', 'allow', 'confirmed', 'confirm']

/** Converts a client's entry to an answer. Front ends express the same answer in many ways. */
export function answerOf(interaction: Interaction, { status, payload }: ResumeEntry): Answer {
  const { kind, options } = interaction
  const with_ = (effect: 'allow' | 'deny') =>
    options.find(option => option.effect === effect && (option.scope ?? 'once') === 'once') ??
    options.find(option => option.effect === effect)
  const chosen = (option: { id: string } | undefined): Answer | undefined =>
    option && { to: 'answer', answer: { optionId: option.id } }
  if (status === 'cancelled') return chosen(with_('deny')) ?? { to: 'stop' }
  const verdict = verdictOf(payload)
  if (verdict !== undefined && (kind === 'permission' || typeof payload === 'boolean')) {
    const answer = chosen(with_(verdict ? 'allow' : 'deny'))
    if (answer !== undefined) return answer
  }
  if (typeof payload === 'string') {
    const option = options.find(({ id, label }) => id === payload || label === payload)
    if (option !== undefined) return { to: 'answer', answer: { optionId: option.id } }
    if (kind !== 'permission') return { to: 'answer', answer: { text: payload } }
  }
  if (payload === undefined || payload === null) {
    const answer = kind === 'permission' ? chosen(with_('allow')) : undefined
    if (answer !== undefined) return answer
  } else if (typeof payload === 'object' && !Array.isArray(payload)) return ofObject(interaction, payload as Fields)
  else if (kind !== 'permission') return { to: 'answer', answer: { text: JSON.stringify(payload) } }
  return refuse(interaction)
}

type Fields = Record<string, unknown>

function ofObject(interaction: Interaction, payload: Fields): Answer {
  const { kind, options } = interaction
  const { optionId, text, answers, digest } = payload
  const shown = typeof digest === 'string' && { digest }
  const given: InteractionAnswer = {
    ...(typeof optionId === 'string' && { optionId }),
    ...(typeof text === 'string' && { text }),
    ...(isFields(answers) && { answers }),
  }
  if (Object.keys(given).length > 0) {
    if (given.optionId === undefined || options.some(({ id }) => id === given.optionId))
      return kind === 'permission' && given.optionId === undefined
        ? refuse(interaction)
        : { to: 'answer', answer: given, ...shown }
    return refuse(interaction)
  }
  return kind === 'permission' ? refuse(interaction) : { to: 'answer', answer: { answers: payload }, ...shown }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function verdictOf(payload: unknown): boolean | undefined {
  if (typeof payload === 'boolean') return payload
  if (typeof payload === 'string') return YES.test(payload) ? true : NO.test(payload) ? false : undefined
  if (!isFields(payload) || 'optionId' in payload) return undefined
  const name = VERDICTS.find(name => typeof payload[name] === 'boolean')
  return name === undefined ? undefined : (payload[name] as boolean)
}

function refuse({ interactionId, options }: Interaction): Answer {
  const ids = options.map(({ id }) => id)
  const choice = ids.length === 0 ? 'a text or answers' : `{ "optionId": one of ${ids.join(', ')} }`
  return {
    to: 'refuse',
    error: wireError('invalid_request', `resume: the payload of "${interactionId}" is not an answer: send ${choice}.`, {
      interruptId: interactionId,
      options: ids,
    }),
  }
}

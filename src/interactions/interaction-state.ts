import { isDeepStrictEqual } from 'node:util'
import type { AgentPayloads, Interaction, InteractionAnswer } from '@fleetwire/protocol'

export type InteractionRequest = AgentPayloads['interaction:request']

export type InteractionEvent =
  | { kind: 'request'; agentId: string; request: InteractionRequest }
  /** A person or a program answers. `digest`: the digest of the subject that they were shown. */
  | { kind: 'answer'; answer: InteractionAnswer; digest?: string; by: string; via: 'rest' | 'ws' }
  /** It was answered at the agent's own terminal. */
  | { kind: 'resolved-there'; answer: InteractionAnswer }
  | { kind: 'expire' }
  /** The work that it guarded is gone. */
  | { kind: 'cancel' }
  /** The answer was sent to the agent. */
  | { kind: 'sent' }
  /** The answer took effect. */
  | { kind: 'applied' }

export type InteractionEventType = `interaction:${'requested' | 'resolved' | 'expired' | 'cancelled'}`

export type InteractionDecision =
  | { to: 'next'; type: InteractionEventType; interaction: Interaction }
  | {
      to: 'same'
      /**
       * `already`: nothing to change. `answered`: another answer came first. `closed`: it expired or was cancelled.
       * `stale`: the subject is not the one that was shown. `no-option`, `empty`: not a valid answer.
       */
      why: 'absent' | 'already' | 'answered' | 'closed' | 'stale' | 'no-option' | 'empty'
    }

const same = (why: Extract<InteractionDecision, { to: 'same' }>['why']): InteractionDecision => ({ to: 'same', why })
const next = (type: InteractionEventType, interaction: Interaction): InteractionDecision => ({
  to: 'next',
  type,
  interaction,
})

/** The life of an approval or a question (rules IN in SPEC.md): pure and total. `now` is epoch ms. */
export function changeInteraction(
  interaction: Interaction | undefined,
  event: InteractionEvent,
  now: number,
): InteractionDecision {
  if (event.kind === 'request') return request(interaction, event, now)
  if (interaction === undefined) return same('absent')
  const isOpen = interaction.state === 'open'
  switch (event.kind) {
    case 'answer':
      return answer(interaction, event, now)
    case 'resolved-there': {
      if (!isOpen) return whyClosed(interaction, event.answer)
      const resolution = { ...event.answer, by: interaction.agentId, via: 'agent', at: now }
      return next('interaction:resolved', { ...interaction, state: 'resolved', resolution, delivery: 'applied' })
    }
    case 'expire':
      return isOpen ? next('interaction:expired', expired(interaction, now)) : same('already')
    case 'cancel':
      return isOpen ? next('interaction:cancelled', { ...interaction, state: 'cancelled' }) : same('already')
    case 'sent':
      return interaction.delivery === 'pending' ? delivered(interaction, 'sent') : same('already')
    case 'applied':
      if (interaction.delivery === undefined) return same(isOpen ? 'absent' : 'closed')
      return interaction.delivery === 'applied' ? same('already') : delivered(interaction, 'applied')
    default:
      return event satisfies never
  }
}

/**
 * A repeated request means that the agent restarted or the frame was resent. An open interaction stays open, an answer
 * is delivered again, and an interaction that was cancelled with its work is reopened.
 */
function request(
  interaction: Interaction | undefined,
  { agentId, request }: Extract<InteractionEvent, { kind: 'request' }>,
  now: number,
): InteractionDecision {
  if (interaction === undefined || interaction.state === 'cancelled') {
    return next('interaction:requested', opened(agentId, request, now))
  }
  return interaction.state === 'open' ? same('already') : delivered(interaction, 'pending')
}

function opened(agentId: string, { timeoutMs, ...request }: InteractionRequest, now: number): Interaction {
  return {
    ...request,
    agentId,
    description: request.description ?? '',
    risk: request.risk ?? 'unknown',
    defaultOnTimeout: request.defaultOnTimeout ?? 'deny',
    createdAt: now,
    ...(timeoutMs !== undefined && { expiresAt: now + timeoutMs }),
    state: 'open',
  }
}

function answer(
  interaction: Interaction,
  { answer, digest, by, via }: Extract<InteractionEvent, { kind: 'answer' }>,
  now: number,
): InteractionDecision {
  const { state, options, subject } = interaction
  if (state !== 'open') return whyClosed(interaction, answer)
  if (digest !== undefined && digest !== subject?.digest) return same('stale')
  if (answer.optionId !== undefined) {
    if (!options.some(option => option.id === answer.optionId)) return same('no-option')
  } else if (answer.text === undefined && answer.answers === undefined) return same('empty')
  else if (interaction.kind === 'permission') return same('no-option')
  const resolution = { ...answer, by, via, at: now }
  return next('interaction:resolved', { ...interaction, state: 'resolved', resolution, delivery: 'pending' })
}

function whyClosed({ state, resolution }: Interaction, answer: InteractionAnswer): InteractionDecision {
  if (state !== 'resolved' || resolution === undefined) return same('closed')
  const { by: _, via: __, at: ___, ...winner } = resolution
  return same(isDeepStrictEqual({ ...winner }, { ...answer }) ? 'already' : 'answered')
}

/** The answer on expiry: the first option with the requested effect, if there is one. */
function expired(interaction: Interaction, now: number): Interaction {
  const { options, defaultOnTimeout } = interaction
  const option = options.find(({ effect }) => effect === defaultOnTimeout)
  const resolution = { ...(option && { optionId: option.id }), by: 'fleetwire', via: 'timeout', at: now }
  return { ...interaction, state: 'expired', resolution, delivery: 'pending' }
}

function delivered(interaction: Interaction, delivery: NonNullable<Interaction['delivery']>): InteractionDecision {
  const type = interaction.state === 'expired' ? 'interaction:expired' : 'interaction:resolved'
  return next(type, { ...interaction, delivery })
}

/** Whether it has an answer that the agent has not confirmed. */
export const isDue = ({ state, delivery }: Interaction): boolean =>
  (state === 'resolved' || state === 'expired') && delivery !== 'applied'

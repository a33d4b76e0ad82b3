import type { Interaction } from '@fleetwire/protocol'
import { ago, elapsed } from '../../model/format.ts'
import { visibleText } from '../../model/visible-text.ts'

export type Option = Interaction['options'][number]

/** Allowing options first; within each effect, narrower scopes first. */
export function orderedOptions(options: Interaction['options']): Option[] {
  const scopes = ['once', 'session', 'always']
  const rank = ({ effect, scope }: Option) => (effect === 'allow' ? 0 : 10) + scopes.indexOf(scope ?? 'once')
  return options.toSorted((a, b) => rank(a) - rank(b))
}

/** An empty label is replaced by the option's id. */
export const labelOf = ({ id, label }: Option): string => (visibleText(label).trim() === '' ? id : visibleText(label))

/** The highlighted option: the one that allows in the narrowest scope. None if a question has several answers. */
export function mainOption({ kind, options }: Interaction): Option | undefined {
  const [first, ...others] = orderedOptions(options).filter(({ effect }) => effect === 'allow')
  return kind === 'question' && others.length > 0 ? undefined : first
}

/** The option that a key chooses: the narrowest scope. None if the risk is high or unknown, or a form is needed. */
export function keyOption({ kind, options, risk }: Interaction, effect: Option['effect']): Option | undefined {
  if (risk === 'high' || risk === 'unknown' || (kind === 'form' && effect === 'allow')) return undefined
  return orderedOptions(options).find(option => option.effect === effect)
}

export function expiryWords({ expiresAt, defaultOnTimeout }: Interaction, now: number): string | undefined {
  if (expiresAt === undefined) return undefined
  const then = { deny: 'it is denied', cancel: 'the agent decides by itself', allow: 'it is allowed' }[defaultOnTimeout]
  return expiresAt <= now ? `Expired: ${then}.` : `Without an answer in ${elapsed(expiresAt - now)}, ${then}.`
}

/** How a request was resolved: “Allow once, by ann 3s ago”. */
export function resolutionWords(request: Interaction, now: number, me: string | undefined): string {
  const { state, resolution, options } = request
  if (state === 'cancelled') return 'It is no longer asked: its work ended.'
  if (resolution === undefined) return 'It is closed.'
  const option = options.find(({ id }) => id === resolution.optionId)
  const label = option && labelOf(option)
  const what = label ?? (resolution.text !== undefined ? `“${visibleText(resolution.text)}”` : 'Answered')
  if (state === 'expired') return `Expired ${ago(now - resolution.at)}: ${label ?? 'no answer was given'}.`
  const by = resolution.by === me ? 'you' : resolution.by
  const there = resolution.via === 'agent' ? ' at its own terminal' : ''
  return `${what}, by ${by}${there} ${ago(now - resolution.at)}`
}

export const deliveryWords: Record<NonNullable<Interaction['delivery']>, string> = {
  pending: 'The agent is offline. It gets the answer when it is back.',
  sent: 'Sent to the agent.',
  applied: 'The agent is continuing.',
}

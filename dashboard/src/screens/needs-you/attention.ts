import type { Agent, Interaction } from '@fleetwire/protocol'
import type { LastEnded } from '@fleetwire/react'

/** One row of the queue. Identical requests of several agents share a row. */
export type Attention =
  | { kind: 'request'; key: string; requests: readonly [Interaction, ...Interaction[]] }
  | { kind: 'failure'; key: string; agentId: string; last: LastEnded['last'] }
  | { kind: 'waiting' | 'stalled'; key: string; agentId: string; detail: string; since: number }

const risks: readonly Interaction['risk'][] = ['high', 'unknown', 'medium', 'low']

/**
 * Requests first, by risk and then oldest first; then failures, newest first; then `agents`, which wait for input in
 * their terminal or are stalled.
 */
export function attentionQueue(
  requests: readonly Interaction[],
  failures: readonly LastEnded[],
  agents: readonly Agent[],
): Attention[] {
  const alike = new Map<string, Interaction[]>()
  for (const request of requests) {
    const key = likeness(request)
    const group = alike.get(key)
    if (group === undefined) alike.set(key, [request])
    else group.push(request)
  }
  const rows = [...alike.values()]
    .map(group => group.sort(byUrgency) as [Interaction, ...Interaction[]])
    .sort((a, b) => byUrgency(a[0], b[0]))
  return [
    ...rows.map((group): Attention => ({ kind: 'request', key: group[0].interactionId, requests: group })),
    ...failures.map(({ agentId, last }): Attention => ({ kind: 'failure', key: last.commandId, agentId, last })),
    ...agents.filter(({ openInteractions }) => openInteractions === 0).map(quietNeed),
  ]
}

/** The key contains the running commands, so that dismissing one wait does not hide the next one. */
const quietNeed = ({ agentId, work, detail, lastSeenAt, running }: Agent): Attention => {
  const kind = work === 'waiting' ? 'waiting' : 'stalled'
  return { kind, key: `${kind} ${agentId} ${running.join()}`, agentId, detail, since: lastSeenAt }
}

const byUrgency = (a: Interaction, b: Interaction): number =>
  risks.indexOf(a.risk) - risks.indexOf(b.risk) ||
  (a.createdAt ?? 0) - (b.createdAt ?? 0) ||
  (a.interactionId < b.interactionId ? -1 : 1)

/** Equal for requests that one answer can serve: those with the same words, subject and options. */
const likeness = ({ kind, title, description, subject, risk, options, schema }: Interaction): string =>
  JSON.stringify([kind, title, description, subject, risk, options, schema])

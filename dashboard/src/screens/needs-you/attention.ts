import type { Agent, Interaction } from '@fleetwire/protocol'
import type { LastEnded } from '@fleetwire/react'

/** One row of the queue. Requests that ask the same of several agents are one. */
export type Attention =
  | { kind: 'request'; key: string; requests: readonly [Interaction, ...Interaction[]] }
  | { kind: 'failure'; key: string; agentId: string; last: LastEnded['last'] }
  | { kind: 'stalled'; key: string; agentId: string; detail: string; since: number }

const risks: readonly Interaction['risk'][] = ['high', 'unknown', 'medium', 'low']

/** The riskiest first, and of those the ones that wait longest; then what failed or stalled, the newest first. */
export function attentionQueue(
  requests: readonly Interaction[],
  failures: readonly LastEnded[],
  stalled: readonly Agent[],
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
    ...stalled.map(
      ({ agentId, detail, lastSeenAt }): Attention => ({
        ...{ kind: 'stalled', key: `stalled ${agentId}`, agentId, detail, since: lastSeenAt },
      }),
    ),
  ]
}

const byUrgency = (a: Interaction, b: Interaction): number =>
  risks.indexOf(a.risk) - risks.indexOf(b.risk) ||
  (a.createdAt ?? 0) - (b.createdAt ?? 0) ||
  (a.interactionId < b.interactionId ? -1 : 1)

/** Equal for requests that one answer can serve: the same words, the same subject, the same options. */
const likeness = ({ kind, title, description, subject, risk, options, schema }: Interaction): string =>
  JSON.stringify([kind, title, description, subject, risk, options, schema])

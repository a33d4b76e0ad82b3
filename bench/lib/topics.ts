/** Topics per group: the sessions of one agent. */
const GROUP = 5

export interface Shape {
  topics: number
  connections: number
  /** Receivers per event. `mixed`: 1, 2 or 3, with 2 twice as often; half of them by wildcards. */
  receivers: number | 'mixed'
}

/** The subscriptions of a connection. `rooms`: the same topics by name, for servers without patterns. */
export interface Wanted {
  patterns: string[]
  rooms: string[]
}

const agentOf = (group: number) => `agents.agent-${String(group).padStart(5, '0')}`
export const topicAt = (i: number): string => `${agentOf(Math.floor(i / GROUP))}.sessions.ses-${i % GROUP}.messages`
export const receiversOf = ({ receivers }: Shape): number => (receivers === 'mixed' ? 2 : receivers)

/** Visits topics in an order in which neighbours do not follow each other. */
export const scattered = (n: number, topics: number): string => topicAt((n * 7919) % topics)

export function subscriptions({ topics, connections, receivers }: Shape): Wanted[] {
  const wanted = Array.from({ length: connections }, (): Wanted => ({ patterns: [], rooms: [] }))
  const ask = (connection: number, pattern: string, rooms: string[]) => {
    const one = wanted[connection % connections]!
    one.patterns.push(pattern)
    one.rooms.push(...rooms)
  }
  for (let i = 0; i < topics; i++) {
    const exact = receivers === 'mixed' ? 1 : receivers
    for (let k = 0; k < exact; k++) ask(i * exact + k, topicAt(i), [topicAt(i)])
  }
  if (receivers !== 'mixed') return wanted
  for (let group = 0; group * GROUP < topics; group++) {
    const rooms = Array.from({ length: GROUP }, (_, k) => topicAt(group * GROUP + k))
    // Far from the subscribers of single topics of the group, and one further per lap, so that all have equally many.
    const far = group * GROUP + connections / 2 + Math.floor((group * GROUP) / connections)
    if (group % 4 === 1 || group % 4 === 3) ask(far, `${agentOf(group)}.sessions.*.messages`, rooms)
    if (group % 4 >= 2) ask(far + 1, `${agentOf(group)}.>`, rooms)
  }
  return wanted
}

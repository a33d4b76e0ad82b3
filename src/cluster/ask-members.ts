import type { ClusterNode } from './cluster-node.ts'

/** How many nodes were asked, and how many answered in time. */
export interface NodesHeard {
  asked: number
  answered: number
}

const ANSWER_MS = 1000

/**
 * Asks every node of the cluster; `here` is the answer of this node. Omits nodes that do not answer within a second.
 */
export async function askMembers<Q, A>(
  { bus, members, node }: Pick<ClusterNode, 'bus' | 'members' | 'node'>,
  topic: string,
  question: Q,
  here: A,
): Promise<{ answers: A[]; nodes: NodesHeard }> {
  const others = members.filter(member => member.node !== node)
  const asked = others.map(other => bus.request<Q, A>(other.node, topic, question, { timeoutMs: ANSWER_MS }))
  const settled = await Promise.allSettled(asked)
  const answers = settled.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
  return {
    answers: [here, ...answers],
    nodes: { asked: others.length + 1, answered: answers.length + 1 },
  }
}

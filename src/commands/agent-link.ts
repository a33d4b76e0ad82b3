import type { AgentServerFrameType, AgentServerPayloads } from '@fleetwire/protocol'

/** The way to an agent that is connected to this node and has said who it is. */
export interface AgentLink {
  /** Interrupts overtake whatever waits to be sent. Sending on a closed link does nothing: the reconcile makes up for it. */
  send<K extends AgentServerFrameType>(type: K, payload: AgentServerPayloads[K]): void
}

/** What the command dispatcher needs to know of agents. */
export interface AgentDirectory {
  has(agentId: string): boolean
  link(agentId: string): AgentLink | undefined
  maxConcurrency(agentId: string): number
  /** Of commands that name none, ms; 0: no limit. */
  runTimeoutMs(agentId: string): number
  /** Epoch ms at which the agent was last heard. */
  lastSeenAt(agentId: string): number
}

import type { AgentServerFrameType, AgentServerPayloads } from '@fleetwire/protocol'

/** What commands need to know of agents, and the way to send to them. */
export interface AgentDirectory {
  has(agentId: string): boolean
  /** Its connection has said hello. It becomes ready when it is reconciled. */
  isConnected(agentId: string): boolean
  /** Connected to this node, greeted and reconciled: commands may be sent to it. */
  isReady(agentId: string): boolean
  /**
   * Interrupts overtake whatever waits to be sent. An agent that is not ready is sent nothing: what it missed is made up
   * for when it is reconciled.
   */
  send<K extends AgentServerFrameType>(agentId: string, type: K, payload: AgentServerPayloads[K]): void
  maxConcurrency(agentId: string): number
  /** The run timeout of commands that name none, ms; 0: no limit. */
  runTimeoutMs(agentId: string): number
  /** When the agent was last heard, epoch ms. */
  lastSeenAt(agentId: string): number
}

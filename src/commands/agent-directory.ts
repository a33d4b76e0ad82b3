import type { AgentServerFrameType, AgentServerPayloads } from '@fleetwire/protocol'

/** What commands need to know about agents, and how to send to them. */
export interface AgentDirectory {
  has(agentId: string): boolean
  /** Its connection has said hello. It becomes ready when it is reconciled. */
  isConnected(agentId: string): boolean
  /** Connected to this node, greeted and reconciled: commands may be sent to it. */
  isReady(agentId: string): boolean
  /**
   * Interrupts overtake everything that waits to be sent. Nothing is sent to an agent that is not ready: its
   * reconciliation makes up for what it missed.
   */
  send<K extends AgentServerFrameType>(agentId: string, type: K, payload: AgentServerPayloads[K]): void
  maxConcurrency(agentId: string): number
  /** The run timeout of commands that do not set one, ms; 0: no limit. */
  runTimeoutMs(agentId: string): number
  /** When the agent was last heard, epoch ms. */
  lastSeenAt(agentId: string): number
}

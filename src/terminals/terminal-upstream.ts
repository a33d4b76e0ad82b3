import type { AgentServerPayloads, ClientPayloads } from '@fleetwire/protocol'
import type { Refused } from '../outcome.ts'
import type { AgentTerminal } from './agent-terminal.ts'
import type { Viewer } from './viewer.ts'

/** An agent's connection as terminals use it. `send` must neither throw nor block. */
export interface AgentTerminalPort {
  send<K extends 'terminal:input' | 'terminal:resize' | 'terminal:resend' | 'terminal:ack'>(
    type: K,
    payload: AgentServerPayloads[K],
  ): void
}

export type TerminalResult = { status: 'ok' } | Refused

/** The active node, as the hub of another node uses it. No method throws or blocks. */
export interface TerminalUpstream {
  /** Whether the active node has reported which terminals this agent has. */
  knows(agentId: string): boolean
  /** The first viewer here opened a terminal of this agent, or the last one closed its last. */
  interest(agentId: string): void
  /** The terminal got its first follower here, or lost its last one. */
  watched(terminal: AgentTerminal): void
  input(viewer: Viewer, request: ClientPayloads['terminal:input']): Promise<TerminalResult>
  resize(viewer: Viewer, request: ClientPayloads['terminal:resize']): Promise<TerminalResult>
  /** The agent's connection, reached through the active node. */
  port(agentId: string): AgentTerminalPort | undefined
  /** A follower here wants to answer the program's queries. Resolves when the active node has replied. */
  claim(terminal: AgentTerminal): Promise<void>
  unclaim(terminal: AgentTerminal): void
  letGo(viewerId: string, terminal: AgentTerminal): void
  /** The viewer's connection is gone. */
  left(viewerId: string): void
}

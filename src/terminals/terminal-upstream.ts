import type { AgentServerPayloads, ClientPayloads } from '@fleetwire/protocol'
import type { Refused } from '../outcome.ts'
import type { AgentTerminal } from './agent-terminal.ts'
import type { Viewer } from './viewer.ts'

/** An agent's connection as terminals use it. `send` must not throw and must not wait. */
export interface AgentTerminalPort {
  send<K extends 'terminal:input' | 'terminal:resize' | 'terminal:resend' | 'terminal:ack'>(
    type: K,
    payload: AgentServerPayloads[K],
  ): void
}

export type TerminalResult = { status: 'ok' } | Refused

/** The node that decides, for the hub of one that shows what it decides. Nothing here throws or waits. */
export interface TerminalUpstream {
  /** Whether it has said which terminals this agent has. */
  knows(agentId: string): boolean
  /** Viewers here have terminals of this agent open, or have them open no more. */
  interest(agentId: string): void
  /** Somebody here follows this terminal, or nobody does any more. */
  watched(terminal: AgentTerminal): void
  input(viewer: Viewer, request: ClientPayloads['terminal:input']): Promise<TerminalResult>
  resize(viewer: Viewer, request: ClientPayloads['terminal:resize']): Promise<TerminalResult>
  /** The agent as it is reached from here. */
  port(agentId: string): AgentTerminalPort | undefined
  /** Somebody here would answer the queries of its program. Resolves when that is decided. */
  claim(terminal: AgentTerminal): Promise<void>
  unclaim(terminal: AgentTerminal): void
  letGo(viewerId: string, terminal: AgentTerminal): void
  /** The viewer's connection is gone. */
  left(viewerId: string): void
}

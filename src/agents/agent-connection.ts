import type {
  AgentFrame,
  AgentPayloads,
  AgentServerFrameType,
  AgentServerPayloads,
  CloseCode,
  ErrorCode,
  WireError,
} from '@fleetwire/protocol'

/** A connection of an agent, after its token was checked. A WebSocket `Connection` is one. */
export interface AgentConnection {
  readonly id: string
  /** When its token expires, epoch ms. */
  readonly tokenExpiresAt?: number
  send<K extends AgentServerFrameType>(type: K, payload: AgentServerPayloads[K]): void
  /** The agent accepts joined messages: from now on, frames that are sent together may be one message. */
  join(): void
  error(code: ErrorCode, message: string, about?: { id?: string; details?: unknown }): void
  close(code: CloseCode, reason: string, options?: { reconnectAfterMs?: number }): void
}

/** A connection whose socket this node holds. */
export interface AgentSocket extends AgentConnection {
  /** Stops reading for now, so that the agent slows down. */
  pause(): void
  resume(): void
}

/** What arrives over the connection of an agent. */
export interface AgentInput {
  onFrame(frame: AgentFrame): void
  /** A frame was invalid and the agent was notified; its number counts as consumed. */
  onRefused(n: number): void
  /** `code`: the close code, if known. */
  onClose(code?: number): void
}

/** Opens the session of an agent. `waitedMs`: how long its first frame has been in transit. Default: 0. */
export type OpenSession = (agentId: string, connection: AgentConnection, waitedMs?: number) => AgentInput

/** Takes terminal frames, which are not in the log. */
export interface AgentTerminals {
  attach(
    agentId: string,
    connection: AgentConnection,
    terminals: NonNullable<AgentPayloads['agent:connect']['terminals']>,
    bootId: string,
  ): void
  detach(agentId: string, connection: AgentConnection): void
  /** Returns why it was refused: the agent has the maximum number of terminals. */
  output(agentId: string, payload: AgentPayloads['terminal:output']): WireError | undefined
  resize(agentId: string, payload: AgentPayloads['terminal:resize']): WireError | undefined
  exit(agentId: string, payload: AgentPayloads['terminal:exit']): void
  taken(agentId: string, payload: AgentPayloads['terminal:ack']): void
}

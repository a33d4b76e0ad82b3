import type { AgentFrame, AgentServerFrameType, AgentServerPayloads, CloseCode, ErrorCode } from '@fleetwire/protocol'

/** What gateways and the active node send each other about the agents whose sockets a gateway holds. */

/** One link from a gateway to the active node, for all of its agents. */
export const AGENTS = 'agents'
/** Terminal output travels on another connection, so that a flood of it delays nothing else. */
export const OUTPUT = 'agent-output'

export interface AgentsHello {
  /** Names the link. */
  id: string
}

export interface OutputHello {
  /** The id of the agents link to which this link belongs. */
  id: string
}

/** Identifies a socket of a gateway on its link. */
type Socket = number

export interface RelayedSocket {
  agentId: string
  connectionId: string
  /** Epoch ms. */
  tokenExpiresAt?: number | undefined
  /** How long ago its first frame arrived. */
  waitedMs?: number | undefined
}

export type FromGateway =
  | ['open', Socket, RelayedSocket]
  | ['frame', Socket, AgentFrame]
  /** Its order relative to the output matters: `outputs` frames of output were sent before it, on the other link. */
  | ['frame', Socket, AgentFrame, outputs: number]
  | ['refused', Socket, number]
  /** `isMoved`: the agent was told to reconnect because its gateway stops. */
  | ['closed', Socket, isMoved?: true]

/** Output of an agent. `marks`: how many frames of a MARKS type were sent before it. */
export type Output = [socket: Socket, marks: number, frame: AgentFrame]

type Sent = {
  [K in AgentServerFrameType]: ['send', Socket, K, AgentServerPayloads[K]]
}[AgentServerFrameType]

export type ToGateway =
  /** Agents are accepted from now on. */
  | ['ready']
  | Sent
  | ['join', Socket]
  | ['error', Socket, ErrorCode, string, { id?: string; details?: unknown }?]
  | ['close', Socket, CloseCode, string, { reconnectAfterMs?: number }?]

/** Nobody waits for these, and a working agent sends many per second: a slight delay is worth fewer packets. */
export const PASSING: ReadonlySet<AgentFrame['type']> = new Set<AgentFrame['type']>([
  ...(['message:start', 'message:delta', 'message:end', 'tool:start', 'tool:args', 'tool:end'] as const),
  ...(['command:progress', 'task:progress', 'task:update', 'state:snapshot', 'state:patch'] as const),
  ...(['agent:status', 'agent:error', 'agent:metrics', 'usage:report', 'session:activity', 'heartbeat'] as const),
])

/** Frames whose order relative to terminal output matters. */
export const MARKS: ReadonlySet<string> = new Set(['agent:connect', 'terminal:resize', 'terminal:exit'])

import type { AgentFrame, AgentServerFrameType, AgentServerPayloads, CloseCode, ErrorCode } from '@fleetwire/protocol'

/** What gateways and the active node tell each other about the agents whose sockets a gateway holds. */

/** One link from a gateway to the active node, for all of its agents. */
export const AGENTS = 'agents'
/** What their terminals write goes beside it, on another connection, so that a flood of it holds up nothing else. */
export const OUTPUT = 'agent-output'

export interface AgentsHello {
  /** Names the link. */
  id: string
}

export interface OutputHello {
  /** The link of the agents that it stands beside. */
  id: string
}

/** Names a socket of a gateway on its link. */
type Socket = number

export interface RelayedSocket {
  agentId: string
  connectionId: string
  /** Epoch ms. */
  tokenExpiresAt?: number | undefined
  /** How long ago what it says first came. */
  waitedMs?: number | undefined
}

export type FromGateway =
  | ['open', Socket, RelayedSocket]
  | ['frame', Socket, AgentFrame]
  /** Its place among the output matters: so many frames of it came before, by the other link. */
  | ['frame', Socket, AgentFrame, outputs: number]
  | ['refused', Socket, number]
  /** `isMoved`: the agent was told to come back, since its gateway ends. */
  | ['closed', Socket, isMoved?: true]

/** Output of an agent, and how many frames came before it that say what terminals it has. */
export type Output = [socket: Socket, marks: number, frame: AgentFrame]

type Sent = {
  [K in AgentServerFrameType]: ['send', Socket, K, AgentServerPayloads[K]]
}[AgentServerFrameType]

export type ToGateway =
  /** Agents are taken from now on. */
  | ['ready']
  | Sent
  | ['join', Socket]
  | ['error', Socket, ErrorCode, string, { id?: string; details?: unknown }?]
  | ['close', Socket, CloseCode, string, { reconnectAfterMs?: number }?]

/** Nobody waits for one of them, and a working agent sends many a second: a few milliseconds more are worth fewer packets. */
export const PASSING: ReadonlySet<AgentFrame['type']> = new Set<AgentFrame['type']>([
  ...(['message:start', 'message:delta', 'message:end', 'tool:start', 'tool:args', 'tool:end'] as const),
  ...(['command:progress', 'task:progress', 'task:update', 'state:snapshot', 'state:patch'] as const),
  ...(['agent:status', 'agent:error', 'agent:metrics', 'usage:report', 'session:activity', 'heartbeat'] as const),
])

/** Their place among the output of terminals matters. */
export const MARKS: ReadonlySet<string> = new Set(['agent:connect', 'terminal:resize', 'terminal:exit'])

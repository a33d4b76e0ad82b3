import type { AgentServerPayloads, ClientPayloads } from '@fleetwire/protocol'
import type { ReflectedEnding, ReflectedTerminal } from '../../terminals/reflection.ts'
import type { TerminalResult } from '../../terminals/terminal-upstream.ts'

/** The link on which a gateway follows the active node's terminals. */
export const TERMINALS = 'terminals'

interface OfTerminal {
  agentId: string
  terminalId: string
}

/** `viewer`: a connection of the gateway. `stream`, `ask`: numbers chosen by the gateway. */
export type ToActive =
  /** Report which terminals this agent has, and how they change. */
  | { type: 'watch' | 'unwatch'; agentId: string }
  /** Send the terminal's output from an offset on, its sizes and its end. */
  | ({ type: 'read'; stream: number; mark: string; from: number } & OfTerminal)
  | { type: 'stop'; stream: number }
  /** A viewer at the gateway could answer the queries of the program, or none does any more. */
  | { type: 'claim' | 'unclaim'; stream: number }
  /** The total bytes of output received on this link. */
  | { type: 'got'; bytes: number }
  | { type: 'input'; ask: number; viewer: string; request: ClientPayloads['terminal:input'] }
  | { type: 'resize'; ask: number; viewer: string; request: ClientPayloads['terminal:resize'] }
  /** What a screen of the gateway answers to a query. */
  | { type: 'typed'; agentId: string; input: AgentServerPayloads['terminal:input'] }
  /** A reader of the whole output has received it up to this offset. */
  | ({ type: 'paced'; offset: number } & OfTerminal)
  /** The viewer held the size under an earlier active node. */
  | ({ type: 'held'; viewer: string } & OfTerminal)
  | ({ type: 'letGo'; viewer: string } & OfTerminal)
  | { type: 'left'; viewer: string }

export type FromActive =
  /**
   * The agent has these, the newest last. `isKnown`: the agent has reported them since this node became active.
   * `isPart`: more of them follow.
   */
  | { type: 'agent'; agentId: string; isKnown: boolean; terminals: ReflectedTerminal[]; isPart: boolean }
  | { type: 'began'; agentId: string; terminal: ReflectedTerminal }
  | ({ type: 'ended'; mark: string; ending: ReflectedEnding } & OfTerminal)
  | ({ type: 'taken'; offset: number } & OfTerminal)
  /** The initial content of the stream is complete when it has reached this offset. */
  | { type: 'reading'; stream: number; until: number }
  /** The bytes are attached. */
  | { type: 'output'; stream: number; offset: number }
  | { type: 'size'; stream: number; cols: number; rows: number }
  | { type: 'end'; stream: number; ending: ReflectedEnding }
  /** The gateway answers queries that end after `from`; without `from`, none that end after `to`. */
  | { type: 'granted'; stream: number; from?: number; to?: number }
  /** The terminal does not exist any more. */
  | { type: 'gone'; stream: number }
  | { type: 'answer'; ask: number; result: TerminalResult }

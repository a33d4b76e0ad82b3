import type { AgentServerPayloads, ClientPayloads } from '@fleetwire/protocol'
import type { ReflectedEnding, ReflectedTerminal } from '../../terminals/reflection.ts'
import type { TerminalResult } from '../../terminals/terminal-upstream.ts'

/** The link on which a gateway follows the terminals that the active node decides. */
export const TERMINALS = 'terminals'

interface OfTerminal {
  agentId: string
  terminalId: string
}

/** `viewer`: a connection of the gateway. `stream`, `ask`: numbers that the gateway chose. */
export type ToActive =
  /** Tell which terminals this agent has, and what becomes of them. */
  | { type: 'watch' | 'unwatch'; agentId: string }
  /** Send its output from an offset on, its sizes and its end. */
  | ({ type: 'read'; stream: number; mark: string; from: number } & OfTerminal)
  | { type: 'stop'; stream: number }
  /** A viewer there would answer the queries of its program, or none would any more. */
  | { type: 'claim' | 'unclaim'; stream: number }
  /** How many bytes of output came on this link, all together. */
  | { type: 'got'; bytes: number }
  | { type: 'input'; ask: number; viewer: string; request: ClientPayloads['terminal:input'] }
  | { type: 'resize'; ask: number; viewer: string; request: ClientPayloads['terminal:resize'] }
  /** What a screen of the gateway answers a query. */
  | { type: 'typed'; agentId: string; input: AgentServerPayloads['terminal:input'] }
  /** A reader of the whole output has it up to this offset. */
  | ({ type: 'paced'; offset: number } & OfTerminal)
  /** It held the size under an earlier active node. */
  | ({ type: 'held'; viewer: string } & OfTerminal)
  | ({ type: 'letGo'; viewer: string } & OfTerminal)
  | { type: 'left'; viewer: string }

export type FromActive =
  /**
   * The agent has these, the newest last. `isKnown`: it has said so since this node decides. `isPart`: more of them
   * follow.
   */
  | { type: 'agent'; agentId: string; isKnown: boolean; terminals: ReflectedTerminal[]; isPart: boolean }
  | { type: 'began'; agentId: string; terminal: ReflectedTerminal }
  | ({ type: 'ended'; mark: string; ending: ReflectedEnding } & OfTerminal)
  | ({ type: 'taken'; offset: number } & OfTerminal)
  /** What the stream begins with is here when it has come up to this offset. */
  | { type: 'reading'; stream: number; until: number }
  /** Comes with the bytes. */
  | { type: 'output'; stream: number; offset: number }
  | { type: 'size'; stream: number; cols: number; rows: number }
  | { type: 'end'; stream: number; ending: ReflectedEnding }
  /** Queries that end after `from` are the gateway's to answer; without it, none after `to`. */
  | { type: 'granted'; stream: number; from?: number; to?: number }
  /** There is no such terminal any more. */
  | { type: 'gone'; stream: number }
  | { type: 'answer'; ask: number; result: TerminalResult }

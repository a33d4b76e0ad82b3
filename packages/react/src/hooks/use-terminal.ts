import type { RequestResult } from '@fleetwire/client'
import { useMemo } from 'react'
import { useStore } from '../provider.tsx'
import { type TerminalSink, type TerminalState, TerminalView } from '../store/terminal-view.ts'
import { useSource } from './use-live.ts'

export interface TerminalTarget {
  agentId: string
  /** Default: the agent's newest terminal. */
  terminalId?: string
  /** `snapshot`: whole screens, at most one per second, for a preview. Default `bytes`. */
  mode?: 'bytes' | 'snapshot'
}

export interface Terminal extends TerminalState {
  /** Shows the terminal in the sink, starting with the current screen. Returns a function that detaches it. */
  attach(sink: TerminalSink): () => void
  input(data: string): Promise<RequestResult>
  resize(cols: number, rows: number): Promise<RequestResult>
}

/** A terminal of an agent, for any emulator: this package does not depend on one. */
export function useTerminal({ agentId, terminalId, mode = 'bytes' }: TerminalTarget): Terminal {
  const { client } = useStore()
  const view = useMemo(
    () => new TerminalView(client, { agentId, mode, ...(terminalId !== undefined && { terminalId }) }),
    [client, agentId, terminalId, mode],
  )
  const state = useSource(view)
  return useMemo(() => ({ ...state, attach: view.attach, input: view.input, resize: view.resize }), [state, view])
}

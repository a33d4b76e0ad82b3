import type { AgentTerminal } from './agent-terminal.ts'
import type { ScreenHost } from './screen-host.ts'

export type TerminalFormat = 'text' | 'ansi' | 'cast'

/** The terminal's content as UTF-8; undefined if the terminal was disposed of in the meantime. */
export async function render(
  terminal: AgentTerminal,
  format: TerminalFormat,
  screens: ScreenHost,
): Promise<Uint8Array | undefined> {
  switch (format) {
    case 'text':
      return terminal.screenText()
    case 'ansi': {
      const state = await terminal.screenState()
      return state && Buffer.from(state.screen)
    }
    case 'cast': {
      const { agentId, terminalId, timeline, oldest, ending } = terminal
      return screens.cast(agentId, {
        title: `${agentId}/${terminalId}`,
        bytes: terminal.bytes(),
        oldest,
        first: timeline.firstSize,
        marks: timeline.marks,
        resizes: [...timeline.resizes],
        exitCode: ending?.exitCode,
      })
    }
  }
}

import type { TerminalResult } from '../../../src/terminals/terminal-hub.ts'
import { accept, type Dashboard, type FrameOf, type Handler, refuse } from '../dashboard.ts'

type TerminalFrame = FrameOf<'terminal:open' | 'terminal:close' | 'terminal:input' | 'terminal:resize'>

function answer(dashboard: Dashboard, frame: TerminalFrame, result: TerminalResult): void {
  if (result.status === 'refused') refuse(dashboard, frame, result.error)
  else accept(dashboard, frame)
}

export const terminalOpen: Handler<'terminal:open'> = (frame, dashboard) =>
  answer(dashboard, frame, dashboard.app.terminals.open(dashboard.connection, frame.payload))

export const terminalClose: Handler<'terminal:close'> = (frame, dashboard) =>
  answer(dashboard, frame, dashboard.app.terminals.close(dashboard.connection, frame.payload))

export const terminalInput: Handler<'terminal:input'> = (frame, dashboard) =>
  answer(dashboard, frame, dashboard.app.terminals.input(dashboard.connection, frame.payload))

export const terminalResize: Handler<'terminal:resize'> = (frame, dashboard) =>
  answer(dashboard, frame, dashboard.app.terminals.resize(dashboard.connection, frame.payload))

/** Credit, given often: never answered. */
export const terminalAck: Handler<'terminal:ack'> = ({ payload }, { app, connection }) =>
  app.terminals.ack(connection, payload)

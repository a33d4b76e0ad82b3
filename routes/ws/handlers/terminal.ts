import { wireError } from '@fleetwire/protocol'
import { may } from '../../../src/auth/permissions.ts'
import type { TerminalResult } from '../../../src/terminals/terminal-upstream.ts'
import { accept, type Dashboard, type FrameOf, type Handler, refuse } from '../dashboard.ts'

type TerminalFrame = FrameOf<'terminal:open' | 'terminal:close' | 'terminal:input' | 'terminal:resize'>

/** The result is a promise if another node is active. */
function answer(dashboard: Dashboard, frame: TerminalFrame, result: TerminalResult | Promise<TerminalResult>): void {
  if (result instanceof Promise) void result.then(settled => answer(dashboard, frame, settled))
  else if (result.status === 'refused') refuse(dashboard, frame, result.error)
  else accept(dashboard, frame)
}

/**
 * A viewer who may not type may not answer for the terminal either, and becomes an ordinary viewer. A viewer in mode
 * "whole" slows the program down, so that mode requires the right to type too.
 */
export const terminalOpen: Handler<'terminal:open'> = (frame, dashboard) => {
  const { app, connection } = dashboard
  const mayType = may(connection.principal, 'terminal:write')
  if (frame.payload.mode === 'whole' && !mayType) {
    refuse(dashboard, frame, wireError('forbidden', 'The mode "whole" needs the right "terminal:write".'))
    return
  }
  const answers = frame.payload.answers && mayType
  answer(dashboard, frame, app.terminals.open(connection, { ...frame.payload, answers }))
}

export const terminalClose: Handler<'terminal:close'> = (frame, dashboard) =>
  answer(dashboard, frame, dashboard.app.terminals.close(dashboard.connection, frame.payload))

export const terminalInput: Handler<'terminal:input'> = (frame, dashboard) =>
  answer(dashboard, frame, dashboard.app.terminals.input(dashboard.connection, frame.payload))

export const terminalResize: Handler<'terminal:resize'> = (frame, dashboard) =>
  answer(dashboard, frame, dashboard.app.terminals.resize(dashboard.connection, frame.payload))

/** Flow-control credit, sent often, so there is no reply. */
export const terminalAck: Handler<'terminal:ack'> = ({ payload }, { app, connection }) =>
  app.terminals.ack(connection, payload)

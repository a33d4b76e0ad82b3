import { type WireError, wireError } from '@fleetwire/protocol'
import { canSeeAgent, may } from '../../../src/auth/permissions.ts'
import type { Scope } from '../../../src/auth/principal.ts'
import type { TerminalResult } from '../../../src/terminals/terminal-hub.ts'
import { accept, type Dashboard, type FrameOf, type Handler, refuse } from '../dashboard.ts'

type TerminalFrame = FrameOf<'terminal:open' | 'terminal:close' | 'terminal:input' | 'terminal:resize' | 'terminal:ack'>

function refusal({ connection: { principal } }: Dashboard, agentId: string, scope: Scope): WireError | undefined {
  if (!may(principal, scope)) return wireError('forbidden', `This token does not grant "${scope}".`)
  return canSeeAgent(principal, agentId) ? undefined : wireError('not_found', `There is no agent "${agentId}".`)
}

function answer(dashboard: Dashboard, frame: TerminalFrame, scope: Scope, act: () => TerminalResult): void {
  const refused = refusal(dashboard, frame.payload.agentId, scope)
  const result = refused === undefined ? act() : { status: 'refused' as const, error: refused }
  if (result.status === 'refused') refuse(dashboard, frame, result.error)
  else accept(dashboard, frame)
}

export const terminalOpen: Handler<'terminal:open'> = (frame, dashboard) =>
  answer(dashboard, frame, 'read', () => dashboard.app.terminals.open(dashboard.connection, frame.payload))

export const terminalClose: Handler<'terminal:close'> = (frame, dashboard) =>
  answer(dashboard, frame, 'read', () => dashboard.app.terminals.close(dashboard.connection, frame.payload))

export const terminalInput: Handler<'terminal:input'> = (frame, dashboard) =>
  answer(dashboard, frame, 'terminal:write', () => dashboard.app.terminals.input(dashboard.connection, frame.payload))

export const terminalResize: Handler<'terminal:resize'> = (frame, dashboard) =>
  answer(dashboard, frame, 'terminal:write', () => dashboard.app.terminals.resize(dashboard.connection, frame.payload))

/** Credit, given often: never answered. */
export const terminalAck: Handler<'terminal:ack'> = ({ payload }, { app, connection }) =>
  app.terminals.ack(connection, payload)

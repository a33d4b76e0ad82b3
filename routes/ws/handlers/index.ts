import type { ClientFrame, ClientFrameType } from '@fleetwire/protocol'
import { accessRefusal, clientFrameAccess } from '../../../src/auth/access.ts'
import { type Dashboard, type Handler, refuse } from '../dashboard.ts'
import { heartbeat, ping } from './alive.ts'
import { authRefresh } from './auth-refresh.ts'
import { change } from './change.ts'
import { dashboardConnect } from './dashboard-connect.ts'
import { subscribe } from './subscribe.ts'
import { terminalAck, terminalClose, terminalInput, terminalOpen, terminalResize } from './terminal.ts'
import { unsubscribe } from './unsubscribe.ts'

/** A frame type without a handler is a compile error. */
const handlers = {
  'dashboard:connect': dashboardConnect,
  subscribe,
  unsubscribe,
  'command:request': change,
  'command:interrupt': change,
  'interaction:respond': change,
  'terminal:open': terminalOpen,
  'terminal:close': terminalClose,
  'terminal:input': terminalInput,
  'terminal:resize': terminalResize,
  'terminal:ack': terminalAck,
  'auth:refresh': authRefresh,
  heartbeat,
  ping,
} satisfies { [K in ClientFrameType]: Handler<K> }

/** First checks a frame against its row in the access table and the connection's current rights. */
export function handleFrame(frame: ClientFrame, dashboard: Dashboard): void | Promise<void> {
  const { agentId } = frame.payload as { agentId?: string }
  const refusal = accessRefusal(dashboard.connection.principal, clientFrameAccess[frame.type], agentId)
  if (refusal !== undefined) {
    refuse(dashboard, frame, refusal)
    return
  }
  // The table pairs each type with its own handler; TypeScript does not follow this through an index.
  const handler = handlers[frame.type] as (frame: ClientFrame, dashboard: Dashboard) => void | Promise<void>
  return handler(frame, dashboard)
}

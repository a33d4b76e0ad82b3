import type { AgentFrameType, ClientFrameType, WireError } from '@fleetwire/protocol'
import { wireError } from '@fleetwire/protocol'
import { notFound } from '../outcome.ts'
import { canSeeAgent, may } from './permissions.ts'
import type { Principal, Scope } from './principal.ts'

/**
 * The subject of a request, which determines who may see it. What a token may not see does not exist for it: 404.
 * - `self`: the caller alone. `server`: numbers and documents about nobody in particular.
 * - `agent`: one agent that the request names (`:agentId`, `payload.agentId`): checked here, before the handler.
 * - `agents`, `command`, `batch`, `session`, `interaction`: belong to agents, and are visible with their agents.
 * - `task`: belongs to its agent; a task without an agent belongs to everyone.
 * - `events`: checked one by one (`canSeeEntry`), and patterns by name (`patternRefusal`).
 * - `holder`: tokens, sockets and webhooks, checked by the rights that they hold (`covers`).
 */
export type On =
  | 'self'
  | 'server'
  | 'agent'
  | 'agents'
  | 'command'
  | 'batch'
  | 'session'
  | 'interaction'
  | 'task'
  | 'events'
  | 'holder'

export interface Access {
  /** The scope that the token must grant. `person`: any token except an agent's. `nothing`: no token needed. */
  asks: Scope | 'person' | 'nothing'
  on: On
}

const row = (asks: Access['asks'], on: On): Access => ({ asks, on })

/**
 * Every route has a row here; the server refuses to start with a route that has none. The row defines the check before
 * the route's handler.
 */
export const routeAccess: Record<string, Access> = {
  'GET /': row('nothing', 'server'),
  'GET /health': row('nothing', 'server'),
  'GET /ready': row('nothing', 'server'),
  'GET /metrics': row('read', 'server'),
  'GET /docs': row('nothing', 'server'),
  'GET /openapi.json': row('nothing', 'server'),
  'GET /asyncapi': row('nothing', 'server'),
  'GET /asyncapi.json': row('nothing', 'server'),

  'GET /agent': row('agent', 'self'),
  'GET /ws': row('person', 'events'),
  'GET /ws/tasks/:taskId': row('read', 'events'),

  'POST /api/v1/agents/:agentId/commands': row('command', 'agent'),
  'GET /api/v1/agents/:agentId/commands': row('read', 'agent'),
  'GET /api/v1/commands': row('read', 'command'),
  'GET /api/v1/commands/:commandId': row('read', 'command'),
  'POST /api/v1/commands/:commandId/interrupt': row('command', 'command'),
  'POST /api/v1/commands/:commandId/retry': row('command', 'command'),
  'PATCH /api/v1/commands/:commandId': row('command', 'command'),
  'DELETE /api/v1/commands/:commandId': row('command', 'command'),
  'POST /api/v1/commands': row('command', 'agents'),
  'GET /api/v1/batches/:parentId': row('read', 'batch'),
  'POST /api/v1/batches/:parentId/stop': row('command', 'batch'),

  'GET /api/v1/agents': row('read', 'agents'),
  'GET /api/v1/agents/:agentId': row('read', 'agent'),
  'GET /api/v1/agents/:agentId/usage': row('read', 'agent'),
  'GET /api/v1/agents/:agentId/terminal': row('read', 'agent'),
  'DELETE /api/v1/agents/:agentId': row('admin', 'agent'),
  'POST /api/v1/agents/:agentId/disconnect': row('admin', 'agent'),

  'GET /api/v1/sessions': row('read', 'session'),
  'GET /api/v1/sessions/:sessionId': row('read', 'session'),
  'GET /api/v1/sessions/:sessionId/messages': row('read', 'session'),

  'GET /api/v1/tasks': row('read', 'task'),
  'POST /api/v1/tasks': row('command', 'task'),
  'GET /api/v1/tasks/:taskId': row('read', 'task'),
  'PUT /api/v1/tasks/:taskId': row('command', 'task'),
  'PATCH /api/v1/tasks/:taskId': row('command', 'task'),
  'DELETE /api/v1/tasks/:taskId': row('command', 'task'),
  'POST /api/v1/tasks/:taskId/:action': row('command', 'task'),
  'GET /api/v1/tasks/export/:format': row('read', 'task'),
  'GET /api/v1/tasks/:taskId/export/:format': row('read', 'task'),

  'GET /api/v1/interactions': row('read', 'interaction'),
  'GET /api/v1/interactions/:interactionId': row('read', 'interaction'),
  'POST /api/v1/interactions/:interactionId/respond': row('interact', 'interaction'),
  'POST /api/v1/interactions/respond': row('interact', 'interaction'),

  'GET /api/v1/events': row('read', 'events'),
  'POST /api/v1/events': row('command', 'events'),
  'GET /api/v1/events/stream': row('read', 'events'),

  // Each call that a message makes is checked by the row of the REST route that it uses.
  'POST /mcp': row('person', 'self'),
  'GET /mcp': row('read', 'events'),
  'DELETE /mcp': row('person', 'self'),

  'GET /api/v1/websocket/status': row('read', 'holder'),
  'GET /api/v1/connections': row('admin', 'holder'),
  'DELETE /api/v1/connections/:connectionId': row('admin', 'holder'),

  'POST /api/v1/tokens': row('admin', 'holder'),
  'GET /api/v1/tokens': row('admin', 'holder'),
  'DELETE /api/v1/tokens/:jti': row('admin', 'holder'),
  'DELETE /api/v1/subjects/:sub/tokens': row('admin', 'holder'),

  'POST /api/v1/webhooks': row('admin', 'self'),
  'GET /api/v1/webhooks': row('admin', 'holder'),
  'GET /api/v1/webhooks/:webhookId': row('admin', 'holder'),
  'PATCH /api/v1/webhooks/:webhookId': row('admin', 'holder'),
  'DELETE /api/v1/webhooks/:webhookId': row('admin', 'holder'),
  'POST /api/v1/webhooks/:webhookId/rotate-secret': row('admin', 'holder'),
  'POST /api/v1/webhooks/:webhookId/test': row('admin', 'holder'),
  'GET /api/v1/webhooks/:webhookId/deliveries': row('admin', 'holder'),
  'POST /api/v1/webhooks/:webhookId/deliveries/:deliveryId/redeliver': row('admin', 'holder'),
  'POST /ag-ui/agents/:agentId': row('command', 'agent'),
  'GET /ag-ui/agents/:agentId/runs/:runId/events': row('read', 'agent'),
  'GET /ag-ui/copilotkit/info': row('read', 'agents'),
  'POST /ag-ui/copilotkit/agent/:agentId/run': row('command', 'agent'),
  'POST /ag-ui/copilotkit/agent/:agentId/connect': row('read', 'agent'),
  'POST /ag-ui/copilotkit/agent/:agentId/stop/:threadId': row('command', 'agent'),
  // Checked by the row of the route that the call represents.
  'POST /ag-ui/copilotkit': row('person', 'agents'),

  'POST /api/v1/login/codes': row('person', 'self'),
  'POST /api/v1/login': row('nothing', 'self'),
}

/**
 * Every frame type of `/ws` clients. Checked for each frame, since the rights of a connection change with its token.
 */
export const clientFrameAccess = {
  'dashboard:connect': row('person', 'events'),
  subscribe: row('read', 'events'),
  unsubscribe: row('person', 'self'),
  'command:request': row('command', 'agent'),
  'command:interrupt': row('command', 'command'),
  'interaction:respond': row('interact', 'interaction'),
  'terminal:open': row('read', 'agent'),
  'terminal:close': row('person', 'self'),
  'terminal:input': row('terminal:write', 'agent'),
  'terminal:resize': row('terminal:write', 'agent'),
  'terminal:ack': row('person', 'self'),
  'auth:refresh': row('person', 'self'),
  heartbeat: row('person', 'self'),
  ping: row('person', 'self'),
} as const satisfies Record<ClientFrameType, Access>

/**
 * Every frame type of agents. `self`: a report by the agent about itself, under its own id. Other frames refer to
 * things by id, and count only if these are the agent's own: its commands, its interactions, and tasks that it owns or
 * was assigned.
 */
export const agentFrameAccess = {
  'agent:connect': row('agent', 'command'),
  heartbeat: row('agent', 'command'),
  'agent:status': row('agent', 'self'),
  'agent:metrics': row('agent', 'self'),
  'agent:error': row('agent', 'self'),
  'agent:exit': row('agent', 'self'),
  'command:ack': row('agent', 'command'),
  'command:reject': row('agent', 'command'),
  'command:progress': row('agent', 'command'),
  'command:result': row('agent', 'command'),
  'session:start': row('agent', 'session'),
  'session:activity': row('agent', 'session'),
  'session:typing': row('agent', 'session'),
  'session:end': row('agent', 'session'),
  'message:start': row('agent', 'session'),
  'message:delta': row('agent', 'session'),
  'message:end': row('agent', 'session'),
  'tool:start': row('agent', 'session'),
  'tool:args': row('agent', 'session'),
  'tool:end': row('agent', 'session'),
  'state:snapshot': row('agent', 'session'),
  'state:patch': row('agent', 'session'),
  'task:create': row('agent', 'task'),
  'task:start': row('agent', 'task'),
  'task:update': row('agent', 'task'),
  'task:progress': row('agent', 'task'),
  'task:pause': row('agent', 'task'),
  'task:complete': row('agent', 'task'),
  'task:fail': row('agent', 'task'),
  'task:cancel': row('agent', 'task'),
  'interaction:request': row('agent', 'interaction'),
  'interaction:resolved': row('agent', 'interaction'),
  'interaction:applied': row('agent', 'interaction'),
  'terminal:output': row('agent', 'self'),
  'terminal:resize': row('agent', 'self'),
  'terminal:exit': row('agent', 'self'),
  'terminal:ack': row('agent', 'self'),
  'usage:report': row('agent', 'self'),
} as const satisfies Record<AgentFrameType, Access>

/**
 * Why the caller may not do this; undefined if the row allows it. `agentId`: the agent that the request names, if any.
 */
export function accessRefusal(
  principal: Principal,
  { asks, on }: Access,
  agentId: string | undefined,
): WireError | undefined {
  if (!grants(principal, asks)) return wireError('forbidden', missingRight(asks))
  if (on !== 'agent' || agentId === undefined || canSeeAgent(principal, agentId)) return undefined
  return notFound('agent', agentId)
}

function grants(principal: Principal, asks: Access['asks']): boolean {
  if (asks === 'nothing') return true
  return asks === 'person' ? principal.role !== 'agent' : may(principal, asks)
}

function missingRight(asks: Access['asks']): string {
  switch (asks) {
    case 'person':
      return 'A token of the role "agent" connects to /agent.'
    case 'agent':
      return 'Only a token of the role "agent" connects here; others connect to /ws.'
    default:
      return `This token does not grant "${asks}".`
  }
}

import type {
  AgentFrameType,
  ClientFrameType,
  Command,
  MintedToken,
  Role,
  Webhook,
  WebhookDelivery,
} from '@fleetwire/protocol'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import { type Test, test } from 'tap'
import { PAGES } from '../../plugins/dashboard.ts'
import { controlPlane } from '../../src/app.ts'
import { agentFrameAccess, clientFrameAccess, routeAccess } from '../../src/auth/access.ts'
import { type Scope, scopes } from '../../src/auth/principal.ts'
import type { FleetEvent } from '../../src/log/event-log.ts'
import { type BareAgent, connectAgent } from '../helpers/bare-agent.ts'
import { SECRET, startApp, type TestApp } from '../helpers/build.ts'
import { inSharedThread } from '../helpers/log-thread.ts'
import { connectWs, refusedUpgrade } from '../helpers/ws-client.ts'

/*
 * Tests every row of the access table with every kind of narrowed token, on visible and on hidden things.
 * There are two agents: narrowed tokens (`mine-*`) may see `mine-1` but not `theirs-1`.
 */
const NARROW = ['mine-*']
const [MINE, THEIRS] = ['mine-1', 'theirs-1'] as const
/** An address of this machine at which no server listens. */
const NOWHERE = 'https://127.0.0.1:1029/'

interface Things {
  agentId: string
  /** The command that the agent runs; another one is queued. */
  commandId: string
  taskId: string
  sessionId: string
  interactionId: string
  batchId: string
  connectionId: string
  jti: string
  sub: string
  webhookId: string
  /** A delivery of the webhook. */
  deliveryId: string
}

const options = [{ id: 'yes', label: 'Yes', effect: 'allow', scope: 'once' }]

/** Creates one thing of each kind for one agent. */
async function things(
  t: Test,
  server: TestApp,
  admin: string,
  agentId: string,
): Promise<Things & { agent: BareAgent }> {
  const agent = await connectAgent(t, server, agentId)
  const api = <T = Record<string, string>>(method: string, path: string, body?: object) =>
    server.call<T>(admin, method, `/api/v1${path}`, body)
  const command = await api<Command>('POST', `/agents/${agentId}/commands`, { kind: 'shell', input: `of ${agentId}` })
  const { commandId, attempt } = (await agent.next('command:dispatch')).payload
  agent.say('command:ack', { commandId, attempt })
  const taskId = `task-${agentId}`
  await api('POST', '/tasks', { taskId, title: `Of ${agentId}`, agentId })
  const [sessionId, interactionId] = [`session-${agentId}`, `ask-${agentId}`]
  agent.say('session:start', { sessionId, title: `Of ${agentId}` })
  agent.say('interaction:request', { interactionId, kind: 'permission', title: `Of ${agentId}?`, options })
  agent.say('terminal:output', { terminalId: 'main', offset: 0, data: `shown by ${agentId}`, encoding: 'utf8' }, false)
  const batch = await api<{ parentId: string }>('POST', '/commands', {
    selector: { ids: [agentId] },
    command: { kind: 'shell', input: `batch of ${agentId}` },
  })
  await agent.handled()
  const minted = await api<MintedToken>('POST', '/tokens', { sub: agentId, role: 'agent' })
  // Owned by an admin who sees only this agent. No event matches the webhook.
  const owner = await server.token('admin', { sub: 'nina', agents: [agentId] })
  const asOwner = <T>(path: string, body?: object) => server.call<T>(owner, 'POST', `/api/v1/webhooks${path}`, body)
  const webhook = await asOwner<Webhook>('', { url: NOWHERE, topics: ['tasks.none.>'], name: `of ${agentId}` })
  const { webhookId } = webhook.body
  const delivery = await asOwner<WebhookDelivery>(`/${webhookId}/test`)
  t.equal(delivery.status, 200)
  const [socket] = server.app.connections.ofAgent(agentId)
  t.equal(command.status, 202)
  t.equal(batch.status, 202)
  return {
    ...{ agent, agentId, commandId, taskId, sessionId, interactionId, sub: agentId },
    ...{ webhookId, deliveryId: delivery.body.deliveryId },
    ...{ batchId: batch.body.parentId, connectionId: socket!.id, jti: minted.body.jti },
  }
}

interface Ask {
  path: (of: Things) => string
  body?: (of: Things) => unknown
  /** The statuses that are allowed for one's own things. Default: any except 401, 403, 404 and 5xx. */
  own?: number[]
  /** The route shows a list rather than one thing. */
  list?: true
}

const ask = (path: Ask['path'], body?: Ask['body'], own?: number[]): Ask => ({
  path,
  ...(body && { body }),
  ...(own && { own }),
})
const list = (path: string): Ask => ({ path: () => path, list: true })

const RUN = { threadId: 'none', runId: 'none', messages: [] }

/** How to request a thing from each route. A route of the access table that is missing here fails the test. */
const asks: Record<string, Ask> = {
  'POST /api/v1/agents/:agentId/commands': ask(
    o => `/agents/${o.agentId}/commands`,
    () => ({ kind: 'shell', input: 'x' }),
  ),
  'GET /api/v1/agents/:agentId/commands': ask(o => `/agents/${o.agentId}/commands`),
  'GET /api/v1/commands': list('/commands'),
  'GET /api/v1/commands/:commandId': ask(o => `/commands/${o.commandId}`),
  'POST /api/v1/commands/:commandId/interrupt': ask(
    o => `/commands/${o.commandId}/interrupt`,
    () => ({}),
  ),
  'POST /api/v1/commands/:commandId/retry': ask(o => `/commands/${o.commandId}/retry`),
  'PATCH /api/v1/commands/:commandId': ask(
    o => `/commands/${o.commandId}`,
    () => ({ priority: 1 }),
  ),
  'DELETE /api/v1/commands/:commandId': ask(o => `/commands/${o.commandId}`),
  'POST /api/v1/commands': ask(
    () => '/commands',
    o => ({ selector: { ids: [o.agentId] }, command: { kind: 'shell', input: 'x' } }),
  ),
  'GET /api/v1/batches/:parentId': ask(o => `/batches/${o.batchId}`),
  'POST /api/v1/batches/:parentId/stop': ask(o => `/batches/${o.batchId}/stop`),
  'GET /api/v1/agents': list('/agents'),
  'GET /api/v1/agents/:agentId': ask(o => `/agents/${o.agentId}`),
  'GET /api/v1/agents/:agentId/usage': ask(o => `/agents/${o.agentId}/usage`),
  'GET /api/v1/agents/:agentId/terminal': ask(o => `/agents/${o.agentId}/terminal`),
  'DELETE /api/v1/agents/:agentId': ask(o => `/agents/${o.agentId}`, undefined, [409]),
  'POST /api/v1/agents/:agentId/disconnect': ask(o => `/agents/${o.agentId}/disconnect`),
  'GET /api/v1/sessions': list('/sessions'),
  'GET /api/v1/sessions/:sessionId': ask(o => `/sessions/${o.sessionId}`),
  'GET /api/v1/sessions/:sessionId/messages': ask(o => `/sessions/${o.sessionId}/messages`),
  'GET /api/v1/tasks': list('/tasks'),
  'POST /api/v1/tasks': ask(
    () => '/tasks',
    o => ({ title: 'x', agentId: o.agentId }),
  ),
  'GET /api/v1/tasks/:taskId': ask(o => `/tasks/${o.taskId}`),
  'PUT /api/v1/tasks/:taskId': ask(
    o => `/tasks/${o.taskId}`,
    o => ({ title: 'y', agentId: o.agentId }),
  ),
  'PATCH /api/v1/tasks/:taskId': ask(
    o => `/tasks/${o.taskId}`,
    () => ({ message: 'z' }),
  ),
  'DELETE /api/v1/tasks/:taskId': ask(o => `/tasks/${o.taskId}`),
  'POST /api/v1/tasks/:taskId/:action': ask(o => `/tasks/${o.taskId}/pause`),
  'GET /api/v1/tasks/export/:format': list('/tasks/export/csv'),
  'GET /api/v1/tasks/:taskId/export/:format': ask(o => `/tasks/${o.taskId}/export/md`),
  'GET /api/v1/interactions': list('/interactions'),
  'GET /api/v1/interactions/:interactionId': ask(o => `/interactions/${o.interactionId}`),
  'POST /api/v1/interactions/:interactionId/respond': ask(
    o => `/interactions/${o.interactionId}/respond`,
    () => ({ optionId: 'yes' }),
  ),
  'POST /api/v1/interactions/respond': ask(
    () => '/interactions/respond',
    o => ({ interactionIds: [o.interactionId], optionId: 'yes' }),
  ),
  'GET /api/v1/events': list('/events?limit=500'),
  'POST /api/v1/events': ask(
    () => '/events',
    o => ({ topic: `tasks.${o.taskId}.events`, type: 'custom:x', payload: {} }),
  ),
  'GET /api/v1/events/stream': list('/events/stream'),
  'GET /api/v1/websocket/status': list('/websocket/status'),
  'GET /api/v1/connections': list('/connections'),
  'DELETE /api/v1/connections/:connectionId': ask(o => `/connections/${o.connectionId}`),
  'POST /api/v1/tokens': ask(
    () => '/tokens',
    o => ({ sub: o.sub, role: 'agent' }),
  ),
  'GET /api/v1/tokens': list('/tokens'),
  'DELETE /api/v1/tokens/:jti': ask(o => `/tokens/${o.jti}`),
  'GET /api/v1/webhooks': list('/webhooks'),
  'GET /api/v1/webhooks/:webhookId': ask(o => `/webhooks/${o.webhookId}`),
  'PATCH /api/v1/webhooks/:webhookId': ask(
    o => `/webhooks/${o.webhookId}`,
    () => ({ events: ['task:created'] }),
  ),
  'DELETE /api/v1/webhooks/:webhookId': ask(o => `/webhooks/${o.webhookId}`),
  'POST /api/v1/webhooks/:webhookId/rotate-secret': ask(o => `/webhooks/${o.webhookId}/rotate-secret`),
  'POST /api/v1/webhooks/:webhookId/test': ask(o => `/webhooks/${o.webhookId}/test`),
  'GET /api/v1/webhooks/:webhookId/deliveries': ask(o => `/webhooks/${o.webhookId}/deliveries`),
  'POST /api/v1/webhooks/:webhookId/deliveries/:deliveryId/redeliver': ask(
    o => `/webhooks/${o.webhookId}/deliveries/${o.deliveryId}/redeliver`,
  ),
  // Other tests start runs; this one only checks the rights.
  'POST /ag-ui/agents/:agentId': ask(
    o => `/ag-ui/agents/${o.agentId}`,
    () => ({}),
  ),
  'GET /ag-ui/agents/:agentId/runs/:runId/events': ask(
    o => `/ag-ui/agents/${o.agentId}/runs/none/events`,
    undefined,
    [404],
  ),
  'GET /ag-ui/copilotkit/info': list('/ag-ui/copilotkit/info'),
  'POST /ag-ui/copilotkit/agent/:agentId/run': ask(
    o => `/ag-ui/copilotkit/agent/${o.agentId}/run`,
    () => ({}),
  ),
  'POST /ag-ui/copilotkit/agent/:agentId/connect': ask(
    o => `/ag-ui/copilotkit/agent/${o.agentId}/connect`,
    () => RUN,
  ),
  'POST /ag-ui/copilotkit/agent/:agentId/stop/:threadId': ask(
    o => `/ag-ui/copilotkit/agent/${o.agentId}/stop/none`,
    () => ({}),
  ),
  'POST /ag-ui/copilotkit': ask(
    () => '/ag-ui/copilotkit',
    o => ({ method: 'agent/connect', params: { agentId: o.agentId }, body: RUN }),
  ),
  // It is not known what a subject holds, so only callers with all rights may use this route.
  'DELETE /api/v1/subjects/:sub/tokens': ask(o => `/subjects/${o.sub}/tokens`, undefined, [404]),
}
/** Refusals other than 404: bulk requests report them in the body, and minting checks rights that the caller names. */
const refusedAs: Record<string, number> = {
  'POST /api/v1/interactions/respond': 200,
  'POST /api/v1/tokens': 403,
}
const MISSING: Things = {
  ...{ agentId: 'else-none', commandId: 'cmd_none', taskId: 'task-none', sessionId: 'session-none' },
  ...{ interactionId: 'ask-none', batchId: 'bat_none', connectionId: 'con_none', jti: 'tok_none', sub: 'else-none' },
  ...{ webhookId: 'whk_none', deliveryId: 'whd_none' },
}

async function start(t: Test) {
  const server = await startApp(t, { config: { WEBHOOK_ALLOW_PRIVATE: '127.0.0.1' } })
  const admin = await server.token('admin', { sub: 'root' })
  const mine = await things(t, server, admin, MINE)
  const theirs = await things(t, server, admin, THEIRS)
  await server.call(admin, 'POST', '/api/v1/tasks', { taskId: 'open', title: 'Nobody’s' })
  const answer = (token: string | undefined, route: string, of: Things) => {
    const { path, body } = asks[route]!
    const base = route.includes(' /ag-ui') ? '' : '/api/v1'
    return server.call<Record<string, unknown>>(token, route.split(' ')[0]!, `${base}${path(of)}`, body?.(of))
  }
  return { ...server, admin, mine, theirs, answer }
}

/** `self` concerns only the caller, and names nothing that others could see. */
const isAboutThings = (route: string) => routeAccess[route]!.on !== 'self'
const allApiRoutes = Object.keys(routeAccess).filter(route => / \/(api\/v1|ag-ui)/.test(route))
const apiRoutes = allApiRoutes.filter(isAboutThings)
const isScope = (asks: string): asks is Scope => (scopes as readonly string[]).includes(asks)
/** Matches ids and texts that a narrowed token may not see. */
const foreign = /theirs-1/

test('every route of the server has a row, every row has a route, and this test covers every row of the API', async t => {
  const found = new Set<string>()
  const app = Fastify({ return503OnClosing: false })
  app.addHook('onRoute', ({ method, url, schema }) => {
    // Files of the API documentation, and of the dashboard, whose pages are public and contain no data.
    if (url.startsWith('/docs/') || url.startsWith('/assets/')) return
    const isRead = [method].flat().every(name => name === 'GET' || name === 'HEAD')
    if (isRead && url !== '/' && [...PAGES, '/gallery'].includes(url)) return
    for (const name of [method].flat()) if (name !== 'HEAD' && name !== 'OPTIONS') found.add(`${name} ${url}`)
    t.ok(schema !== undefined || url === '/docs', url)
  })
  await app.register(fp(controlPlane), {
    startWorker: inSharedThread,
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
  })
  await app.ready()
  t.teardown(() => app.close())
  t.same(
    [...found].filter(route => routeAccess[route] === undefined),
    [],
    'routes without a row',
  )
  t.same(
    Object.keys(routeAccess).filter(route => !found.has(route)),
    [],
    'rows without a route',
  )
  t.same(apiRoutes.filter(route => asks[route] === undefined).sort(), [], 'rows that this test does not cover')
})

test('an API route without a row fails at startup', async t => {
  const { app } = await startApp(t)
  t.throws(() => app.admit('GET /api/v1/secrets'), { code: 'FLW_ERR_AUTH_NO_ROW' })
})

const rolesOf = (route: string): Role[] => {
  const { asks } = routeAccess[route]!
  if (asks === 'read') return ['viewer', 'operator', 'admin']
  return asks === 'admin' ? ['admin'] : ['operator', 'admin']
}

/** The payload with which each client frame names a thing. */
const frames: { [K in ClientFrameType]: (of: Things) => object } = {
  'dashboard:connect': of => ({ subscribe: [`agents.${of.agentId}.>`] }),
  subscribe: of => ({ topics: [`agents.${of.agentId}.>`] }),
  unsubscribe: of => ({ topics: [`agents.${of.agentId}.>`] }),
  'command:request': of => ({ agentId: of.agentId, kind: 'shell', input: 'x' }),
  'command:interrupt': of => ({ commandId: of.commandId }),
  'interaction:respond': of => ({ interactionId: of.interactionId, optionId: 'yes' }),
  'terminal:open': of => ({ agentId: of.agentId }),
  'terminal:close': of => ({ agentId: of.agentId }),
  'terminal:input': of => ({ agentId: of.agentId, data: 'x', inputSeq: 1 }),
  'terminal:resize': of => ({ agentId: of.agentId, cols: 80, rows: 24 }),
  'terminal:ack': of => ({ agentId: of.agentId, offset: 1 }),
  'auth:refresh': () => ({ token: 'none' }),
  heartbeat: () => ({}),
  ping: () => ({}),
}
const judgedFrames = (Object.keys(frames) as ClientFrameType[]).filter(type => clientFrameAccess[type].on !== 'self')

test('refused and hidden things, on one server', async t => {
  const scene = await start(t)
  // This test must be first: it counts the server's sockets, and later tests open more.
  await t.test(
    '[PM5] [PM9] [PM16] no list, export, history or count shows hidden things to a narrowed token',
    async t => {
      const { admin, answer, token, mine, theirs, call } = scene
      const narrow = await token('admin', { sub: 'nina', agents: NARROW })
      await call(admin, 'POST', '/api/v1/commands', {
        selector: { ids: [MINE, THEIRS] },
        command: { kind: 'shell', input: 'both' },
      })
      for (const route of apiRoutes.filter(route => asks[route]!.list && !route.endsWith('/stream'))) {
        const all = await answer(admin, route, mine)
        const some = await answer(narrow, route, mine)
        t.equal(some.status, 200, route)
        t.notMatch(JSON.stringify(some.body), foreign, route)
        if (route !== 'GET /api/v1/websocket/status')
          t.match(JSON.stringify(all.body), foreign, `${route} shows everything to others`)
      }
      const status = await answer(narrow, 'GET /api/v1/websocket/status', mine)
      t.match(status.body, { connections: 1, agents: 1 }, 'only the socket of its own agent counts')
      t.notMatch((await call<string>(narrow, 'GET', '/metrics')).body, /theirs|mine/)
      for (const query of [`agentId=${THEIRS}`, `taskId=${theirs.taskId}`, `parentId=${theirs.batchId}`]) {
        t.match((await call(narrow, 'GET', `/api/v1/commands?${query}`)).body, { items: [], nextCursor: null }, query)
      }
      t.match((await call(narrow, 'GET', `/api/v1/tasks?agentId=${THEIRS}`)).body, { items: [], nextCursor: null })
      t.match((await call(narrow, 'GET', `/api/v1/tasks?limit=1`)).body, { items: [{ taskId: String }] })
    },
  )

  await t.test(
    '[PM4] [PM9] [PM14] a narrowed token gets the same answer for hidden things as for missing ones',
    async t => {
      const { theirs, answer, token, log } = scene
      const changes: FleetEvent[] = []
      // A summary may still report earlier changes.
      const isTheirs = ({ type, topic, json }: FleetEvent) =>
        !type.startsWith('connection:') && !topic.startsWith('$latest.') && foreign.test(topic + json)
      log.follow(events => changes.push(...events.filter(isTheirs)))
      for (const role of ['viewer', 'operator', 'admin'] as const) {
        const narrow = await token(role, { sub: 'nina', agents: NARROW })
        for (const route of apiRoutes.filter(route => !asks[route]!.list)) {
          if (!rolesOf(route).includes(role)) continue
          const hidden = await answer(narrow, route, theirs)
          t.equal(hidden.status, refusedAs[route] ?? 404, `${route} as ${role}: ${JSON.stringify(hidden.body)}`)
          const absent = await answer(narrow, route, MISSING)
          const named = JSON.stringify(hidden.body)
          // The longest ids first, because the agent's id is part of other ids.
          const ids = (Object.keys(MISSING) as (keyof Things)[]).sort((a, b) => theirs[b].length - theirs[a].length)
          hidden.body = JSON.parse(ids.reduce((text, id) => text.replaceAll(theirs[id], MISSING[id]), named))
          if (route !== 'POST /api/v1/tokens' && absent.status === hidden.status)
            t.same(hidden.body, absent.body, `${route}: ${named}`)
        }
      }
      t.same(
        changes.map(({ type, topic }) => `${type} ${topic}`),
        [],
        'no hidden thing changes',
      )
    },
  )

  await t.test('[PM1] [PM2] every route requires a token with its scope', async t => {
    const { admin, mine, answer, token, call } = scene
    for (const route of apiRoutes) {
      const { asks: scope } = routeAccess[route]!
      t.equal((await answer(undefined, route, mine)).status, 401, `${route} without a token`)
      t.equal((await answer(await token('agent', { sub: MINE }), route, mine)).status, 403, `${route} as an agent`)
      if (!isScope(scope)) continue
      const others = scopes.filter(other => other !== scope && other !== 'agent')
      const lacking = await token('admin', { sub: 'root', scopes: others })
      t.match(
        await answer(lacking, route, mine),
        { status: 403, body: { code: 'forbidden' } },
        `${route} without ${scope}`,
      )
      for (const role of ['viewer', 'operator'] as const) {
        const grants = role === 'viewer' ? ['read'] : ['read', 'command', 'interact', 'terminal:write']
        if (grants.includes(scope)) continue
        t.equal((await answer(await token(role), route, mine)).status, 403, `${route} as ${role}`)
      }
    }
    for (const [path, scope] of [
      ['/metrics', 'read'],
      ['/api/v1/agents', 'read'],
    ] as const) {
      t.equal((await call(await token('viewer', { scopes: [] }), 'GET', path)).status, 403, scope)
    }
    t.equal((await call(admin, 'GET', '/metrics')).status, 200)
  })

  await t.test('[PM1] [PM4] every client frame requires its scope, and finds no hidden things', async t => {
    const { url, token, theirs, mine } = scene
    const narrow = await connectWs(t, url, await token('admin', { agents: NARROW }))
    for (const type of judgedFrames) {
      const { asks: scope } = clientFrameAccess[type]
      if (isScope(scope)) {
        const others = scopes.filter(other => other !== scope && other !== 'agent')
        const lacking = await connectWs(t, url, await token('admin', { scopes: others }))
        t.match(
          await lacking.request(type, frames[type](mine)),
          { ok: false, error: { code: 'forbidden' } },
          `${type} without ${scope}`,
        )
        await lacking.close()
      }
      if (clientFrameAccess[type].on === 'events') continue
      t.match(
        await narrow.request(type, frames[type](theirs)),
        { ok: false, error: { code: 'not_found' } },
        `${type} of theirs`,
      )
      t.match(await narrow.request(type, frames[type](mine)), { ok: true }, `${type} of one’s own`)
    }
  })

  await t.test(
    '[SB7] [PM1] the view of a task requires the right to read, and shows hidden tasks like missing ones',
    async t => {
      const { url, token, theirs, mine } = scene
      const open = (bearer: string, taskId: string) => ({
        headers: { authorization: `Bearer ${bearer}` },
        path: `/ws/tasks/${taskId}`,
      })
      const blind = open(await token('operator', { scopes: ['command'] }), mine.taskId)
      t.match(await refusedUpgrade(url + blind.path, blind), { status: 403 })
      t.match(await refusedUpgrade(`${url}/ws/tasks/${mine.taskId}`), { status: 401 })
      const narrow = await token('viewer', { agents: NARROW })
      for (const taskId of [theirs.taskId, 'task-none']) {
        const view = await connectWs(t, url, narrow, `/ws/tasks/${taskId}`)
        t.match((await view.next('snapshot')).payload, { records: [] }, taskId)
      }
      const view = await connectWs(t, url, narrow, `/ws/tasks/${mine.taskId}`)
      t.match((await view.next('snapshot')).payload, { records: [{ payload: { taskId: mine.taskId } }] })
    },
  )
})

test('[PM9] the same tokens see their own things', async t => {
  const { mine, answer, token } = await start(t)
  const narrow = await token('admin', { sub: 'nina', agents: NARROW })
  const last = [
    ...['DELETE /api/v1/tasks/:taskId', 'DELETE /api/v1/connections/:connectionId'],
    'POST /api/v1/agents/:agentId/disconnect',
    'DELETE /api/v1/webhooks/:webhookId',
  ]
  const order = [...apiRoutes.filter(route => !last.includes(route)), ...last]
  for (const route of order.filter(route => !asks[route]!.list)) {
    const { own } = asks[route]!
    const { status, body } = await answer(narrow, route, mine)
    if (own !== undefined) t.ok(own.includes(status), `${route}: ${status}`)
    else t.notOk([401, 403, 404].includes(status) || status >= 500, `${route}: ${status} ${JSON.stringify(body)}`)
  }
})

/** Frames with which `mine-1` names things of `theirs-1`. */
const agentFrames: { [K in AgentFrameType]: (of: Things) => object } = {
  'agent:connect': of => ({ bootId: 'b2', inventory: [{ commandId: of.commandId, attempt: 1, state: 'finished' }] }),
  heartbeat: of => ({ running: [of.commandId] }),
  'agent:status': () => ({ work: 'idle' }),
  'agent:metrics': () => ({ cpu: 1 }),
  'agent:error': () => ({ message: 'x' }),
  'agent:exit': () => ({ reason: 'stopped' }),
  'command:ack': of => ({ commandId: of.commandId, attempt: 1 }),
  'command:reject': of => ({ commandId: of.commandId, attempt: 1, reason: 'busy' }),
  'command:progress': of => ({ commandId: of.commandId, attempt: 1, progress: 1 }),
  'command:result': of => ({ commandId: of.commandId, attempt: 1, status: 'succeeded' }),
  'session:start': of => ({ sessionId: of.sessionId, title: 'x' }),
  'session:activity': of => ({ sessionId: of.sessionId, lastMessage: 'x' }),
  'session:typing': of => ({ sessionId: of.sessionId, typing: true }),
  'session:end': of => ({ sessionId: of.sessionId }),
  'message:start': of => ({ sessionId: of.sessionId, messageId: 'm', commandId: of.commandId, taskId: of.taskId }),
  'message:delta': of => ({ sessionId: of.sessionId, messageId: 'm', delta: 'x', taskId: of.taskId }),
  'message:end': of => ({ sessionId: of.sessionId, messageId: 'm', taskId: of.taskId }),
  'tool:start': of => ({ sessionId: of.sessionId, toolCallId: 'c', name: 'x', commandId: of.commandId }),
  'tool:args': of => ({ sessionId: of.sessionId, toolCallId: 'c', delta: 'x' }),
  'tool:end': of => ({ sessionId: of.sessionId, toolCallId: 'c', result: 1 }),
  'state:snapshot': of => ({ sessionId: of.sessionId, snapshot: { a: 1 } }),
  'state:patch': of => ({ sessionId: of.sessionId, patch: [] }),
  'task:create': of => ({ taskId: of.taskId, title: 'x' }),
  'task:start': of => ({ taskId: of.taskId }),
  'task:update': of => ({ taskId: of.taskId, title: 'x' }),
  'task:progress': of => ({ taskId: of.taskId, progress: 1 }),
  'task:pause': of => ({ taskId: of.taskId }),
  'task:complete': of => ({ taskId: of.taskId }),
  'task:fail': of => ({ taskId: of.taskId }),
  'task:cancel': of => ({ taskId: of.taskId }),
  'interaction:request': of => ({ interactionId: of.interactionId, kind: 'question', title: 'x', options }),
  'interaction:resolved': of => ({ interactionId: of.interactionId, optionId: 'yes' }),
  'interaction:applied': of => ({ interactionId: of.interactionId }),
  'terminal:output': () => ({ terminalId: 'main', offset: 0, data: '', encoding: 'utf8' }),
  'terminal:resize': () => ({ terminalId: 'main', cols: 80, rows: 24 }),
  'terminal:exit': () => ({ terminalId: 'main' }),
  'terminal:ack': () => ({ terminalId: 'main', offset: 0 }),
  'usage:report': () => ({ source: 's', mode: 'delta', requestId: 'r' }),
}
const unnumbered = ['heartbeat', 'agent:metrics', 'session:typing', 'terminal:output', 'terminal:ack', 'agent:connect']

test('[TK6] no frame of an agent changes what belongs to another agent, or to none', async t => {
  const { mine, theirs, log, call, admin } = await start(t)
  await mine.agent.handled()
  const changes: FleetEvent[] = []
  const mark = /^agents\.theirs-1\.|^tasks\./
  log.follow(events => changes.push(...events.filter(({ topic }) => mark.test(topic))))
  const types = Object.keys(agentFrameAccess) as AgentFrameType[]
  for (const type of types.filter(type => type !== 'agent:exit' && type !== 'heartbeat'))
    mine.agent.say(type, agentFrames[type](theirs), !unnumbered.includes(type))
  for (const type of types.filter(type => type.startsWith('task:') && type !== 'task:start'))
    mine.agent.say(type, agentFrames[type]({ ...theirs, taskId: 'open' }))
  mine.agent.say('heartbeat', agentFrames.heartbeat(theirs), false)
  await mine.agent.next('heartbeat')
  t.same(
    changes.map(({ type, topic }) => `${type} ${topic}`),
    [],
  )
  t.match((await call(admin, 'GET', '/api/v1/tasks/open')).body, { status: 'pending', title: 'Nobody’s' })

  await call(admin, 'POST', `/api/v1/agents/${MINE}/commands`, { kind: 'shell', input: 'do it', taskId: 'open' })
  mine.agent.say('task:complete', { taskId: 'open', result: 'done' })
  await mine.agent.handled()
  t.match(
    (await call(admin, 'GET', '/api/v1/tasks/open')).body,
    { status: 'completed', agentId: MINE },
    'the agent was given the task',
  )
})

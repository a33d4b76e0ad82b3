import { once } from 'node:events'
import { request } from 'node:http'
import fastifyCors from '@fastify/cors'
import fastifyJwt from '@fastify/jwt'
import fastifyWebsocket from '@fastify/websocket'
import { DashboardClient } from '@fleetwire/client/node'
import Fastify, { type FastifyRequest } from 'fastify'
import { Server as SocketIo } from 'socket.io'
import { type Test, test } from 'tap'
import { WebSocket } from 'ws'
import fleetwire, {
  type FleetwireOptions,
  type FleetwireServices,
  type HostUser,
  type Principal,
} from '../../src/index.ts'
import { SECRET } from '../helpers/build.ts'
import { inSharedThread } from '../helpers/log-thread.ts'
import { connectWs } from '../helpers/ws-client.ts'

test('an app that embeds the control plane keeps its own behaviour', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyJwt, { secret: 'of the host' })
  app.decorate('config', 'of the host' as never)
  app.setErrorHandler((_error, _request, reply) => reply.code(418).send('host'))
  app.get('/fault', async () => {
    throw new Error('fault')
  })
  await app.register(fleetwire, { prefix: '/fleet', config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET } })
  await app.ready()

  t.equal(app.config as unknown, 'of the host')
  t.ok(app.jwt.verify(app.jwt.sign({ a: 1 })))
  t.equal((await app.inject('/fault')).body, 'host')
  t.match((await app.inject('/nowhere')).json(), { message: 'Route GET:/nowhere not found' })

  t.equal((await app.inject('/fleet/ready')).statusCode, 200)
  t.match((await app.inject('/fleet/nowhere')).json(), { code: 'not_found' })
  t.match((await app.inject('/fleet/api/v1/tokens')).json(), { code: 'unauthorized' })
  const minted = await app.tokens.mint({ sub: 'ann', role: 'admin' }, 'host')
  if (minted.status !== 'minted') return t.fail(minted.status)
  t.match(await app.verifyToken(minted.token), { principal: { sub: 'ann' } })
  const headers = { authorization: `Bearer ${minted.token}` }
  t.match((await app.inject({ url: '/fleet/api/v1/tokens', headers })).json(), { items: [{ sub: 'ann' }] })
  t.match((await app.inject('/fleet/openapi.json')).json().paths['/fleet/api/v1/tokens'], { get: {}, post: {} })
  t.match(await app.eventLog.get(`$tokens.${minted.jti}`), { payload: { sub: 'ann' } })
})

test('[EB9] the services are decorators of the host, whatever the prefix', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fleetwire, {
    startWorker: inSharedThread,
    prefix: '/fleet',
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
  })
  await app.ready()
  const { eventBus, tasks, commandQueue, batches, agents, interactions, connections, broadcaster, webhooks } = app
  for (const service of [commandQueue, batches, interactions, connections, broadcaster]) t.type(service, 'object')
  t.same(agents.sorted(''), [])
  const seen: string[] = []
  eventBus.on('tasks.t1.>', ({ type }) => {
    seen.push(type)
  })
  await tasks.create({ taskId: 't1', fields: { title: 'one' } })
  await eventBus.emitTaskEvent('t1', 'note', {})
  const ann: Principal = { sub: 'ann', role: 'admin', agents: ['*'], expiresAt: Number.POSITIVE_INFINITY }
  t.same(await webhooks.list({ limit: 10 }, ann), { items: [], nextCursor: null })
  t.same(seen, ['task:created', 'custom:note'])
})

test('an app that embeds the control plane can have its own sockets', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fleetwire, {
    startWorker: inSharedThread,
    prefix: '/fleet',
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
  })
  const io = new SocketIo(app.server, { serveClient: false })
  app.addHook('preClose', async () => void io.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const minted = await app.tokens.mint({ sub: 'ann', role: 'viewer' }, 'host')
  if (minted.status !== 'minted') return t.fail(minted.status)

  const theirs = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
  t.teardown(() => theirs.terminate())
  const [hello] = await once(theirs, 'message')
  t.match(String(hello), /^0\{"sid"/)
  const ours = await connectWs(t, url, minted.token, '/fleet/ws')
  await ours.request('ping')
  t.equal(theirs.readyState, WebSocket.OPEN)
})

/** Users that the app knows by a cookie. */
const users: Record<string, HostUser> = {
  ann: { sub: 'ann', role: 'operator' },
  bob: { sub: 'bob', role: 'viewer', agents: ['b-*'] },
  odd: { sub: '', role: 'viewer' },
  late: { sub: 'late', role: 'viewer', expiresAt: 1 },
}
const authenticate = (request: FastifyRequest): HostUser | null => {
  const name = /user=(\w+)/.exec(request.headers.cookie ?? '')?.[1]
  if (name === 'nobody') throw Object.assign(new Error('Log in first.'), { statusCode: 401 })
  return users[name ?? ''] ?? null
}

async function hostApp(t: Test, options: FleetwireOptions = {}) {
  const app = Fastify()
  t.teardown(() => app.close())
  const config = { DATA_DIR: t.testdir(), JWT_SECRET: SECRET }
  await app.register(fleetwire, { startWorker: inSharedThread, prefix: '/fleet', authenticate, config, ...options })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const as = (name: string, more: object = {}) => ({ headers: { cookie: `user=${name}`, ...more } })
  return { app, url, as, ws: `${url.replace('http', 'ws')}/fleet/ws` }
}

/** Resolves with the status that refuses an upgrade, or 101. */
const upgrade = (url: string, path: string, headers: object = {}) =>
  new Promise<number | undefined>((resolve, reject) => {
    const upgrading = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
    const key = { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' }
    const asked = request(url + path, { headers: { ...upgrading, ...key, ...headers } })
    asked.on('response', response => resolve(response.resume().statusCode))
    asked.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve(response.statusCode)
    })
    asked.on('error', reject)
    asked.end()
  })

test('[AU35] users of the host are callers, over REST and on sockets, with exactly their rights', async t => {
  const { app, url, as, ws } = await hostApp(t)
  const get = (path: string, options: object) => app.inject({ url: `/fleet/api/v1${path}`, ...options })
  t.equal((await get('/agents', as('ann'))).statusCode, 200)
  t.match((await get('/tokens', as('ann'))).json(), { code: 'forbidden' }, 'an operator cannot manage tokens')
  t.match((await get('/agents/a1', as('bob'))).json(), { code: 'not_found' })
  t.match((await get('/agents', {})).json(), { code: 'unauthorized' }, 'no user')
  t.match(
    (await get('/agents', as('nobody'))).json(),
    { statusCode: 401, message: 'Log in first.' },
    'the refusal of the app',
  )
  t.match((await get('/agents', as('odd'))).json(), { statusCode: 500, code: 'internal' }, 'an invalid user is refused')
  t.match((await get('/agents', as('late'))).json(), { code: 'unauthorized', message: 'The login has expired.' })
  const minted = await app.tokens.mint({ sub: 'carl', role: 'admin' }, 'host')
  if (minted.status !== 'minted') return t.fail(minted.status)
  const bearer = { authorization: `Bearer ${minted.token}` }
  t.equal((await get('/tokens', { headers: bearer })).statusCode, 200, 'tokens still count')
  t.equal((await get('/tokens', as('ann', bearer))).statusCode, 403, 'a user takes precedence over a token')

  const socket = new WebSocket(ws, ['fleetwire.v1'], { headers: { cookie: 'user=bob' } })
  t.teardown(() => socket.terminate())
  const [hello] = await once(socket, 'message')
  t.match(JSON.parse(String(hello).split('\n')[0]!), { payload: { userId: 'bob', role: 'viewer' } })
  t.equal(await upgrade(url, '/fleet/ws'), 401)
  t.equal(await upgrade(url, '/fleet/ws', { cookie: 'user=nobody' }), 401)
  t.equal(await upgrade(url, '/fleet/agent', { cookie: 'user=ann' }), 403)
  t.equal(await upgrade(url, '/fleet/ws', { cookie: 'user=ann', origin: 'https://evil.example' }), 403)

  const closed = once(socket, 'close')
  await app.tokens.revokeSubject('bob', 'host')
  t.equal((await closed)[0], 4401, 'logged out by the app')
})

test('[AU35] a page of another origin cannot use the cookie of a user', async t => {
  const { app, as } = await hostApp(t, {
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET, ALLOWED_ORIGINS: 'https://friend.example' },
  })
  const post = (origin: string | undefined) =>
    app.inject({
      method: 'POST',
      url: '/fleet/api/v1/commands/cmd_1/interrupt',
      ...as('ann', { host: 'own.example', ...(origin && { origin }) }),
    })
  t.match((await post('https://evil.example')).json(), { code: 'forbidden', message: /https:\/\/evil.example/ })
  t.match((await post('null')).json(), { code: 'forbidden' })
  for (const origin of [undefined, 'http://own.example', 'https://friend.example'])
    t.match((await post(origin)).json(), { code: 'not_found' }, `${origin}`)
})

test('the host decides who a client without a token is', async t => {
  const { url } = await hostApp(t, { authenticate: () => ({ sub: 'ann', role: 'operator' }) })
  const client = new DashboardClient({ url: `${url}/fleet`, token: () => '' })
  t.teardown(() => client.close())
  const online = new Promise<void>(resolve => {
    client.status.subscribe(({ state }) => state === 'online' && resolve())
  })
  client.connect()
  await online
  t.equal((await client.fetch('/api/v1/agents')).status, 200)
})

test('hooks in the scope around the plugin run for its routes and sockets, sibling hooks do not', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const seen: string[] = []
  app.decorateRequest('user')
  app.addHook('onRequest', async (request, reply) => {
    seen.push(request.url)
    if (request.headers['x-blocked'] !== undefined) return reply.code(403).send({ from: 'host' })
    Object.assign(request, { user: { sub: 'ann', role: 'viewer' } })
    return undefined
  })
  await app.register(async beside => {
    beside.addHook('onRequest', async () => {
      seen.push('beside')
    })
    beside.addHook('preSerialization', async () => ({ from: 'beside' }))
    beside.get('/beside', async () => ({}))
  })
  await app.register(fleetwire, {
    startWorker: inSharedThread,
    prefix: '/fleet',
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
    authenticate: request => (request as unknown as { user: HostUser }).user,
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.match((await app.inject('/fleet/api/v1/agents')).json(), { items: [] })
  t.match((await app.inject({ url: '/fleet/api/v1/agents', headers: { 'x-blocked': '1' } })).json(), {
    from: 'host',
  })
  t.equal(await upgrade(url, '/fleet/ws'), 101)
  t.equal(await upgrade(url, '/fleet/ws', { 'x-blocked': '1' }), 403)
  t.match((await app.inject('/beside')).json(), { from: 'beside' })
  t.equal(seen.filter(what => what === 'beside').length, 1)
  t.equal((await app.inject('/fleet/api/v1/nowhere')).json().code, 'not_found')
})

test('two instances in one app share nothing, and an upgrade that nobody handles is refused', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const folder = t.testdir({ a: {}, b: {} })
  const register = (name: 'a' | 'b') =>
    app.register(fleetwire, {
      startWorker: inSharedThread,
      prefix: `/${name}`,
      decorator: `fleet_${name}`,
      config: { DATA_DIR: `${folder}/${name}`, JWT_SECRET: SECRET },
      authenticate: () => ({ sub: name, role: 'admin' }),
    })
  await register('a')
  await register('b')
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const { fleet_a, fleet_b } = app as unknown as Record<'fleet_a' | 'fleet_b', FleetwireServices>
  await fleet_a.tasks.create({ taskId: 't1', fields: { title: 'of a' } })
  t.match((await app.inject('/a/api/v1/tasks')).json(), { items: [{ title: 'of a' }] })
  t.same((await app.inject('/b/api/v1/tasks')).json().items, [])
  t.not(fleet_a.eventLog, fleet_b.eventLog)
  t.notOk('tasks' in app)
  for (const name of ['a', 'b']) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/${name}/ws`, ['fleetwire.v1'])
    t.teardown(() => socket.terminate())
    const [hello] = await once(socket, 'message')
    t.match(JSON.parse(String(hello).split('\n')[0]!), { payload: { userId: name } })
  }
  for (const path of ['/a/nowhere', '/b/nowhere', '/nowhere']) t.equal(await upgrade(url, path), 404, path)
})

test('it closes in order: sockets are notified, hooks of the host run, and the log is closed last', async t => {
  const { app, ws } = await hostApp(t)
  const order: string[] = []
  const socket = new WebSocket(ws, [], { headers: { cookie: 'user=ann' } })
  t.teardown(() => socket.terminate())
  await once(socket, 'message')
  socket.on('message', text => String(text).includes('connection:closing') && order.push('socket told'))
  const gone = once(socket, 'close')
  await app.close()
  t.equal((await gone)[0], 1012)
  t.same(order, ['socket told'])
})

test('a close hook of the host can still store events', async t => {
  const app = Fastify()
  await app.register(fleetwire, {
    startWorker: inSharedThread,
    prefix: '/fleet',
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
  })
  let stored: unknown
  app.addHook('onClose', async () => {
    stored = await app.tasks.create({ taskId: 't1', fields: { title: 'last words' } })
  })
  await app.ready()
  await app.close()
  t.match(stored, { status: 'ok' })
})

test('an app with its own CORS can embed the plugin', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCors, { origin: ['https://host.example'], credentials: true })
  app.get('/own', async () => ({}))
  const config = { DATA_DIR: t.testdir(), JWT_SECRET: SECRET, ALLOWED_ORIGINS: 'https://ours.example' }
  await app.register(fleetwire, { startWorker: inSharedThread, prefix: '/fleet', config })
  await app.ready()
  const allowed = async (url: string, origin: string) =>
    (await app.inject({ url, headers: { origin } })).headers['access-control-allow-origin']
  t.equal(await allowed('/own', 'https://host.example'), 'https://host.example')
  t.equal(await allowed('/fleet/health', 'https://ours.example'), 'https://ours.example')
  t.not(await allowed('/fleet/health', 'https://evil.example'), 'https://evil.example')
})

test('an app with a library that takes every upgrade fails to register the plugin, with the reason', async t => {
  const app = Fastify()
  await app.register(fastifyWebsocket)
  const config = { DATA_DIR: t.testdir(), JWT_SECRET: SECRET }
  await t.rejects(
    async () => await app.register(fleetwire, { startWorker: inSharedThread, prefix: '/fleet', config }),
    {
      code: 'FLW_ERR_EMBED_WEBSOCKET',
      message: /@fastify\/websocket/,
    },
  )
})

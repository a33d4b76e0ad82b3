import { once } from 'node:events'
import fastifyJwt from '@fastify/jwt'
import Fastify from 'fastify'
import { Server as SocketIo } from 'socket.io'
import { test } from 'tap'
import { WebSocket } from 'ws'
import fleetwire from '../../src/index.ts'
import { SECRET } from '../helpers/build.ts'
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
  await app.register(fleetwire, { prefix: '/fleet', config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET } })
  await app.ready()
  const { eventBus, tasks, commandQueue, batches, agents, interactions, connections, broadcaster } = app
  for (const service of [commandQueue, batches, interactions, connections, broadcaster]) t.type(service, 'object')
  t.same(agents.sorted(''), [])
  const seen: string[] = []
  eventBus.on('tasks.t1.>', ({ type }) => {
    seen.push(type)
  })
  await tasks.create({ taskId: 't1', fields: { title: 'one' } })
  await eventBus.emitTaskEvent('t1', 'note', {})
  t.same(seen, ['task:created', 'custom:note'])
})

test('an app that embeds the control plane can have its own sockets', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fleetwire, { prefix: '/fleet', config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET } })
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

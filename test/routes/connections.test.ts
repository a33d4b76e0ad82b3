import type { ConnectionInfo } from '@fleetwire/protocol'
import { test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { connectWs, type WireFrame } from '../helpers/ws-client.ts'

type List = { items: ConnectionInfo[]; nextCursor: string | null }

test('[RE3] [RE10] an admin lists the open sockets, paged and by subject', async t => {
  const { url, call, token } = await startApp(t)
  const admin = await token('admin')
  for (const sub of ['ann', 'bob', 'ann']) await connectWs(t, url, await token('viewer', { sub }))
  const { body } = await call<List>(admin, 'GET', '/api/v1/connections?limit=2')
  t.match(body.items[0], { connectionId: /^con_/, kind: 'dashboard', sub: 'ann', role: 'viewer', bufferedBytes: 0 })
  const rest = await call<List>(admin, 'GET', `/api/v1/connections?limit=2&cursor=${body.nextCursor}`)
  t.same(
    [...body.items, ...rest.body.items].map(({ sub }) => sub),
    ['ann', 'bob', 'ann'],
  )
  t.equal(rest.body.nextCursor, null)
  t.equal((await call<List>(admin, 'GET', '/api/v1/connections?sub=ann')).body.items.length, 2)
  t.equal((await call(await token('operator'), 'GET', '/api/v1/connections')).status, 403)
  t.match(await call(await token('viewer'), 'GET', '/api/v1/websocket/status'), {
    status: 200,
    body: { connections: 3, dashboards: 3, agents: 0, byRole: { viewer: 3 }, opened: 3, subscribers: 0, resumes: {} },
  })
})

test('[CL9] [PM6] an admin closes a socket with 4403, announced on system.connections to admins only', async t => {
  const { url, call, token } = await startApp(t)
  const admin = await token('admin', { sub: 'root' })
  const watcher = await connectWs(t, url, admin)
  await watcher.request('subscribe', { topics: ['system.connections'], snapshot: false })
  const viewer = await connectWs(t, url, await token('viewer'))
  t.match(await viewer.request('subscribe', { topics: ['system.connections'] }), { ok: false })
  const ofViewer = ({ type, payload }: WireFrame) => type === 'connection:opened' && payload.role === 'viewer'
  const { connectionId } = (await watcher.next(ofViewer)).payload
  t.equal((await call(await token('operator'), 'DELETE', `/api/v1/connections/${connectionId}`)).status, 403)
  t.equal((await call(admin, 'DELETE', `/api/v1/connections/${connectionId}`)).status, 204)
  t.match(await viewer.next('connection:closing'), { payload: { code: 4403, reason: 'closed by root' } })
  t.equal(await viewer.closed, 4403)
  t.match(await watcher.next('connection:closed'), { payload: { connectionId, role: 'viewer', code: 4403 } })
  t.equal((await call(admin, 'DELETE', `/api/v1/connections/${connectionId}`)).status, 404)
})

test('log lines link a request to its connection', async t => {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const { app, url, token } = await startApp(t, { logger: { stream }, config: { LOG_LEVEL: 'debug' } })
  const client = await connectWs(t, url, await token('viewer'))
  const connectionId = client.frames[0]!.payload.connectionId
  await client.close()
  while (app.connections.size > 0) await new Promise(resolve => setImmediate(resolve))
  const about = lines.filter(line => line.connectionId === connectionId)
  t.match(about, [
    { msg: 'connection opened', reqId: String, sub: 'viewer' },
    { msg: 'connection closed', code: 1005 },
  ])
})

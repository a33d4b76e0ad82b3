import type { ConnectionInfo } from '@fleetwire/protocol'
import t, { test } from 'tap'
import { connectAgent } from '../helpers/bare-agent.ts'
import { sharedPair, startNode, startPair } from '../helpers/node-pair.ts'
import { openStream } from '../helpers/sse-client.ts'
import { connectWs } from '../helpers/ws-client.ts'

interface List {
  items: ConnectionInfo[]
  nextCursor: string | null
  nodes: { asked: number; answered: number }
}

const pair = sharedPair(t)

test('[NO14] the sockets of all nodes can be listed, counted and closed from any of them', async t => {
  const { active, gateway } = await pair()
  const admin = await gateway.token('admin', { sub: 'root' })
  await connectAgent(t, active, 'alpha')
  const clients = []
  for (const { url } of [gateway, active, gateway])
    clients.push(await connectWs(t, url, await gateway.token('viewer', { sub: 'ann' })))
  await openStream(t, active.url, admin)
  for (const { call } of [gateway, active]) {
    const first = (await call<List>(admin, 'GET', '/api/v1/connections?limit=3')).body
    t.same(first.nodes, { asked: 2, answered: 2 })
    const rest = (await call<List>(admin, 'GET', `/api/v1/connections?limit=3&cursor=${first.nextCursor}`)).body
    t.equal(rest.nextCursor, null)
    const all = [...first.items, ...rest.items]
    t.same(
      all.map(({ connectionId }) => connectionId),
      all.map(({ connectionId }) => connectionId).toSorted(),
    )
    const places = all.map(({ kind, node }) => `${kind} on ${node}`).sort()
    const at = { active: active.node.node, gateway: gateway.node.node }
    t.same(places, [
      ...[
        `agent on ${at.active}`,
        `dashboard on ${at.active}`,
        `dashboard on ${at.gateway}`,
        `dashboard on ${at.gateway}`,
      ],
      `stream on ${at.active}`,
    ])
    t.equal((await call<List>(admin, 'GET', '/api/v1/connections?sub=ann')).body.items.length, 3)
    t.match(await call(await gateway.token('viewer'), 'GET', '/api/v1/websocket/status'), {
      status: 200,
      body: {
        ...{ connections: 5, dashboards: 3, agents: 1, streams: 1, byRole: { viewer: 3, agent: 1, admin: 1 } },
        nodes: { asked: 2, answered: 2 },
      },
    })
  }
  const { connectionId } = clients[1]!.frames[0]!.payload
  t.equal(
    (await gateway.call(await gateway.token('operator'), 'DELETE', `/api/v1/connections/${connectionId}`)).status,
    403,
  )
  t.equal((await gateway.call(admin, 'DELETE', `/api/v1/connections/${connectionId}`)).status, 204)
  t.equal(await clients[1]!.closed, 4403)
  t.equal((await gateway.call(admin, 'DELETE', `/api/v1/connections/${connectionId}`)).status, 404)
  const hidden = await gateway.token('admin', { sub: 'bob', agents: ['beta'] })
  t.equal((await gateway.call<List>(hidden, 'GET', '/api/v1/connections')).body.items.length, 0)
  const other = clients[0]!.frames[0]!.payload.connectionId
  t.equal((await active.call(hidden, 'DELETE', `/api/v1/connections/${other}`)).status, 404)
})

test('[NO14] a response says how many nodes it covers; if some are missing, an unknown connection may still exist', async t => {
  const { nodes, active, gateway } = await startPair(t)
  const silent = await startNode(t, nodes)
  const admin = await gateway.token('admin')
  const client = await connectWs(t, silent.url, await gateway.token('viewer'))
  silent.node.bus.close()
  for (const { call } of [gateway, active]) {
    t.same((await call<List>(admin, 'GET', '/api/v1/connections')).body, {
      ...{ items: [], nextCursor: null, nodes: { asked: 3, answered: 2 } },
    })
    const path = `/api/v1/connections/${client.frames[0]!.payload.connectionId}`
    t.match(await call(admin, 'DELETE', path), { status: 503, body: { message: /2 of 3 nodes answered/ } })
  }
})

test('[NO15] revoking a token closes its sockets on every node', async t => {
  const { active, gateway } = await pair()
  const admin = await gateway.token('admin')
  const tokens = await gateway.token('viewer', { sub: 'ann' })
  const sockets = [await connectWs(t, gateway.url, tokens), await connectWs(t, active.url, tokens)]
  const stream = await openStream(t, gateway.url, tokens)
  t.equal((await gateway.call(admin, 'DELETE', '/api/v1/subjects/ann/tokens')).status, 204)
  for (const socket of sockets) t.equal(await socket.closed, 4401)
  await stream.ended
  for (const { call } of [gateway, active]) t.equal((await call(tokens, 'GET', '/api/v1/agents')).status, 401)
})

test('[NO15] a login code yields one token, whichever node redeems it', async t => {
  const { active, gateway } = await pair()
  const admin = await gateway.token('admin')
  const { body } = await active.call<{ code: string }>(admin, 'POST', '/api/v1/login/codes')
  const login = ({ call }: typeof active) => call(undefined, 'POST', '/api/v1/login', { code: body.code })
  const statuses = (await Promise.all([login(gateway), login(active), login(gateway)])).map(({ status }) => status)
  t.same(statuses.sort(), [200, 401, 401])
})

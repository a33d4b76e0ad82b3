import { AgentClient, type CommandHandler } from '@fleetwire/client/node'
import type { Command, ConnectionInfo } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { bodyOf, openRun, textsOf } from '../helpers/ag-ui.ts'
import { SECRET } from '../helpers/build.ts'
import { decidingOf, openNode } from '../helpers/cluster-nodes.ts'
import { hmacToken } from '../helpers/foreign-token.ts'
import { mcpClient } from '../helpers/mcp-client.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { until } from '../helpers/until.ts'
import { connectWs } from '../helpers/ws-client.ts'

t.setTimeout(180_000)

const token = hmacToken(SECRET, { jti: 'admin' })

interface Place {
  name: string
  url: string
  call<T>(
    method: string,
    path: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: T }>
}

function placeOf(name: string, url: string): Place {
  return {
    ...{ name, url },
    async call(method, path, body, headers = {}) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }), ...headers },
        ...(body && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.startsWith('application/json')
      return { status: response.status, body: isJson ? JSON.parse(text) : text }
    },
  }
}

/** Resolves when all of them answer for the fleet. */
async function answering(places: Place[], active: string): Promise<{ active: Place; others: [Place, Place] }> {
  for (const { call } of places) await until(async () => (await call('GET', '/api/v1/agents')).status === 200)
  const others = places.filter(({ name }) => name !== active) as [Place, Place]
  return { active: places.find(({ name }) => name === active)!, others }
}

async function agentAt(t: Test, urls: string[], handlers: Record<string, CommandHandler>): Promise<void> {
  const bearer = hmacToken(SECRET, { sub: 'a1', role: 'agent' })
  const agent = new AgentClient({ url: urls[0]!, token: bearer, handlers })
  t.teardown(() => agent.stop({ graceMs: 100 }))
  await agent.start()
}

t.test(
  '[NO1] [NO6] [NO12] [NO14] [NO15] each of three nodes answers for all, and shows at once what was done through it',
  async t => {
    const nats = await NatsCluster.shared(t)
    if (nats === undefined) return
    const nodes = await Promise.all(['a', 'b', 'c'].map(name => openNode(t, nats, name)))
    const places = nodes.map(({ name, url }) => placeOf(name, url))
    const { active, others } = await answering(places, (await decidingOf(nodes)).name)
    const [b, c] = others
    await agentAt(t, [c.url], {
      shell: async () => ({ status: 'succeeded', exitCode: 0 }),
      prompt: async run => {
        const message = run.message()
        message.append('hello ')
        message.append('from here')
        message.end()
        return { status: 'succeeded' }
      },
      wait: run => new Promise(resolve => run.signal.addEventListener('abort', () => resolve({ status: 'cancelled' }))),
    })
    await until(async () => (await b.call<{ link: string }>('GET', '/api/v1/agents/a1')).body.link === 'online')

    let seen = 0
    for (let i = 0; i < 30; i++) {
      const at = [active, b, c][i % 3]!
      const { status, body } = await at.call<Command>('POST', '/api/v1/agents/a1/commands', {
        kind: 'shell',
        input: `${i}`,
      })
      t.equal(status, 202)
      const path = `/api/v1/events?topics=agents.a1.commands.${body.commandId}`
      const { items } = (await at.call<{ items: { type: string }[] }>('GET', path)).body
      if (items.some(({ type }) => type === 'command:queued')) seen++
    }
    t.equal(seen, 30, 'a command submitted through a node is visible on that node')

    const client = await connectWs(t, b.url, token)
    const { command } = await client.request('command:request', { agentId: 'a1', kind: 'wait', input: 'x' })
    client.send('subscribe', { topics: [`agents.a1.commands.${command.commandId}`] })
    t.match((await client.next('snapshot')).payload.records, [{ payload: { commandId: command.commandId } }])
    await client.next(({ type, payload }) => type === 'command:running' && payload.commandId === command.commandId)
    t.match(await client.request('command:interrupt', { commandId: command.commandId }), { ok: true, affected: true })
    await client.next('command:cancelled')

    const mcp = await mcpClient(t, { url: `${b.url}/mcp`, token })
    t.match((await mcp.call('list_agents')).text, /a1/)
    const run = await openRun(t, `${b.url}/ag-ui/agents/a1`, { token, body: bodyOf() })
    await run.ended
    t.same(Object.values(textsOf(run.frames.map(({ event }) => event))), ['hello from here'])

    // Nodes learn of each other's state within a second; the steps above may have been faster.
    const list = ({ call }: Place) =>
      until(async () => {
        type Listed = { items: ConnectionInfo[]; nodes: { asked: number; answered: number } }
        const { body } = await call<Listed>('GET', '/api/v1/connections')
        return body.nodes.asked === 3 && body
      })
    for (const place of [active, b, c]) {
      const { items, nodes } = await list(place)
      t.same(nodes, { asked: 3, answered: 3 })
      t.same(
        items
          .filter(({ kind }) => kind !== 'stream')
          .map(({ kind, node }) => [kind, node])
          .sort(),
        [
          ['agent', c.name],
          ['dashboard', b.name],
        ],
      )
    }
    const { connectionId } = client.frames[0]!.payload
    t.equal((await c.call('DELETE', `/api/v1/connections/${connectionId}`)).status, 204)
    t.equal(await client.closed, 4403)

    const minted = await b.call<{ token: string; jti: string }>('POST', '/api/v1/tokens', {
      sub: 'ann',
      role: 'viewer',
    })
    const sockets = await Promise.all([active, b, c].map(({ url }) => connectWs(t, url, minted.body.token)))
    t.equal((await c.call('DELETE', `/api/v1/tokens/${minted.body.jti}`)).status, 204)
    for (const socket of sockets) t.equal(await socket.closed, 4401)
    const { body: login } = await c.call<{ code: string }>('POST', '/api/v1/login/codes')
    const redeemed = await Promise.all(
      [active, b, c].map(({ call }) => call('POST', '/api/v1/login', { code: login.code })),
    )
    t.same(redeemed.map(({ status }) => status).sort(), [200, 401, 401])

    const texts = await Promise.all([active, b, c].map(({ call }) => call<string>('GET', '/metrics')))
    const sum = (name: string) =>
      texts.reduce((total, { body }) => total + Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1] ?? 0), 0)
    t.equal(sum('fleetwire_cluster_active{node="[abc]"}'), 1)
    t.equal(sum('fleetwire_agents{link="online"}'), 1)
    t.equal(sum('fleetwire_commands_ended_total{status="succeeded"}'), 31)
  },
)

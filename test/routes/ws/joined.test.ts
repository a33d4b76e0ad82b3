import { frameLines } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { startApp, type TestApp } from '../../helpers/build.ts'
import { said, taskSaid } from '../../helpers/events.ts'
import { connectWs, type WireFrame, WsClient } from '../../helpers/ws-client.ts'

const KiB = 1024

async function connect(t: Test, { url, token }: TestApp, perMessageDeflate = false): Promise<WsClient> {
  const headers = { authorization: `Bearer ${await token('admin')}` }
  const client = new WsClient(new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers, perMessageDeflate }))
  t.teardown(() => client.socket.terminate())
  await client.next('connection:established')
  return client
}

/** Sends a hello with this payload and resolves with the reply. */
async function hello(client: WsClient, payload: object): Promise<WireFrame> {
  client.send('dashboard:connect', payload, 'hello')
  return client.next(frame => frame.id === 'hello')
}

const isEnd = ({ payload }: WireFrame) => payload?.message === 'end'
const eventsOf = ({ frames }: WsClient) =>
  frames.filter(({ cursor, topic }) => cursor !== undefined && topic !== undefined)
const sizesOf = ({ messages }: WsClient) => messages.map(text => frameLines(text).length)

t.test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test(
    '[FR20] [FR21] a client that requests joined frames gets them in one message; others get one frame per message',
    async t => {
      const clients = [await connect(t, server), await connect(t, server)]
      const [joins, plain] = clients as [WsClient, WsClient]
      await hello(joins, { join: true, subscribe: ['agents.*.log'] })
      await hello(plain, { subscribe: ['agents.*.log'] })
      for (const client of clients) await client.next('snapshot')
      const before = clients.map(({ messages }) => messages.length)
      await server.log.append(Array.from({ length: 50 }, (_, n) => said('a', `${n}`)))
      await server.log.append([said('a', 'end')])
      for (const client of clients) await client.next(isEnd)
      t.same(eventsOf(joins), eventsOf(plain))
      t.equal(eventsOf(plain).length, 51)
      t.same(sizesOf(joins).slice(before[0]), [50, 1])
      t.same(new Set(sizesOf(plain)), new Set([1]))
    },
  )

  await t.test(
    '[FR20] replies, errors and events are joined as they become due, and the close frame comes alone',
    async t => {
      const client = await connect(t, server)
      client.raw(['{"type":"ping"}', '{"type":"nonsense"}'].join('\n'))
      await client.next('error')
      t.same(sizesOf(client), [1, 1, 1], 'nothing before it requested joined frames')
      await hello(client, { join: true })
      const before = client.messages.length
      client.raw(['{"type":"ping"}', '{"type":"nonsense","id":"b"}', '{', '{"type":"ping"}'].join('\n'))
      await client.next('pong')
      await client.next('pong')
      t.same(sizesOf(client).slice(before), [4])
      t.match(client.frames.slice(-4), [
        { type: 'pong' },
        { type: 'error', id: 'b', payload: { code: 'unknown_type' } },
        { type: 'error', payload: { code: 'bad_json' } },
        { type: 'pong' },
      ])
      const { connectionId } = client.frames.find(({ type }) => type === 'connection:established')!.payload
      client.send('ping')
      await server.call(await server.token('admin'), 'DELETE', `/api/v1/connections/${connectionId}`)
      t.equal(await client.closed, 4403)
      t.same(JSON.parse(client.messages.at(-1)!).type, 'connection:closing')
    },
  )

  await t.test('[FR20] [ER4] a refused hello enables nothing', async t => {
    const client = await connect(t, server)
    const subscribe = Array.from({ length: 65 }, (_, i) => `tasks.t${i}.>`)
    t.match(await hello(client, { join: true, subscribe }), { type: 'error', payload: { code: 'subscription_limit' } })
    const before = client.messages.length
    client.raw('{"type":"ping"}\n{"type":"ping"}')
    await client.next('pong')
    await client.next('pong')
    t.same(sizesOf(client).slice(before), [1, 1])
  })

  await t.test(
    '[FR20] [FR21] an agent that requests joined frames gets due frames as one message, in order',
    async t => {
      const operator = await server.token('operator')
      const agents: WsClient[] = []
      for (const [agentId, join] of [
        ['joins', true],
        ['plain', false],
      ] as const) {
        const agent = await connectWs(t, server.url, await server.token('agent', { sub: agentId }), '/agent')
        const capabilities = { kinds: ['shell'] }
        agent.send('agent:connect', {
          bootId: `boot-${agentId}`,
          capabilities,
          maxConcurrency: 20,
          inventory: [],
          join,
        })
        await agent.next('connection:established')
        agents.push(agent)
        const client = await connectWs(t, server.url, operator)
        const requests = Array.from({ length: 10 }, (_, i) => ({
          ...{ type: 'command:request', id: `r${i}`, payload: { agentId, kind: 'shell', input: `${i}` } },
        }))
        client.raw(requests.map(request => JSON.stringify(request)).join('\n'))
        const dispatched: unknown[] = []
        while (dispatched.length < 10) dispatched.push((await agent.next('command:dispatch')).payload.input)
        t.same(
          dispatched,
          requests.map(({ payload }) => payload.input),
        )
      }
      const frames = ['{"type":"a"}', '{"type":"b"}', '{"type":"heartbeat","payload":{}}'].join('\n')
      for (const [i, agent] of agents.entries()) {
        const before = agent.messages.length
        agent.raw(frames)
        await agent.next('heartbeat')
        t.match(agent.frames.slice(-3), [{ type: 'error' }, { type: 'error' }, { type: 'heartbeat' }])
        t.same(sizesOf(agent).slice(before), i === 0 ? [3] : [1, 1, 1])
      }
    },
  )
})

for (const compressed of [false, true]) {
  t.test(
    `[FR20] [RS1] [SB1] replays and snapshots are complete and in order${compressed ? ', compressed too' : ''}`,
    async t => {
      const server = await startApp(t, { config: { COMPRESSION: compressed } })
      const from = server.log.head
      const texts = (n: number) => (n % 100 === 0 ? 'x'.repeat(70 * KiB) : n % 7 === 0 ? 'y'.repeat(3 * KiB) : `${n}`)
      for (let i = 0; i < 10; i++)
        await server.log.append(Array.from({ length: 60 }, (_, n) => said('a', texts(60 * i + n))))
      const topics = ['agents.>', 'tasks.>']
      const clients = [await connect(t, server, compressed), await connect(t, server)] as [WsClient, WsClient]
      for (const [i, client] of clients.entries()) {
        const payload = { resume: { cursor: from }, subscribe: topics, join: i === 0 }
        t.match(await hello(client, payload), { payload: { resumed: true } })
        await client.next('resume:done')
      }
      await server.log.append(Array.from({ length: 30 }, (_, n) => said('b', texts(n))))
      await server.log.append(Array.from({ length: 300 }, (_, n) => taskSaid(`t${n}`, texts(n))))
      await server.log.append([said('a', 'end')])
      for (const client of clients) await client.next(isEnd)
      const [joins, plain] = clients
      t.same(eventsOf(joins), eventsOf(plain))
      t.ok(
        joins.messages.length * 3 < plain.messages.length,
        `${joins.messages.length} messages, not ${plain.messages.length}`,
      )
      const large = joins.messages.filter(text => Buffer.byteLength(text) > 64 * KiB)
      t.ok(large.length > 0 && large.every(text => !text.includes('\n')), 'a frame larger than 64 KiB is sent alone')

      const late = await connect(t, server, compressed)
      await hello(late, { join: true, subscribe: topics })
      const snapshot = await late.next(({ type, payload }) => type === 'snapshot' && !payload.more)
      await server.log.append([said('a', 'after'), said('a', 'end')])
      await late.next(isEnd)
      t.same(
        eventsOf(late).map(({ payload }) => payload.message),
        ['after', 'end'],
      )
      t.ok(snapshot.payload.records.length > 0)
    },
  )
}

import { isNumbered } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import type { Config } from '../../src/config.ts'
import { startApp, type TestApp } from '../helpers/build.ts'
import { connectWs, type WsClient } from '../helpers/ws-client.ts'

/** An agent that numbers its frames where required, and waits for the answer to each frame. */
class Greedy {
  readonly client: WsClient
  #n = 0

  constructor(client: WsClient) {
    this.client = client
  }

  /** Sends a frame. Resolves with the code of an error, or `ok`. */
  async say(type: string, payload: object): Promise<string> {
    const id = `f${this.client.frames.length}`
    const n = isNumbered(type) ? ++this.#n : undefined
    this.client.raw(JSON.stringify({ type, id, n, payload }))
    if (n === undefined) this.client.send('heartbeat', {})
    const answer = await this.client.next(
      frame => frame.id === id || (n === undefined ? frame.type === 'heartbeat' : frame.payload.n >= n),
    )
    if (answer.type !== 'error') return 'ok'
    const isDone = ({ type }: { type: string }) => type === (n === undefined ? 'heartbeat' : 'report:ack')
    await this.client.next(isDone)
    return answer.payload.code
  }
}

async function connect(t: Test, app: TestApp, sub: string): Promise<Greedy> {
  const client = await connectWs(t, app.url, await app.token('agent', { sub }), '/agent')
  client.send('agent:connect', { bootId: 'b', inventory: [] })
  await client.next('connection:established')
  return new Greedy(client)
}

async function start(t: Test, config: Partial<Config>) {
  const app = await startApp(t, { config })
  return { ...app, greedy: await connect(t, app, 'greedy') }
}

let agents = 0

/** Up to `limit` items are accepted, and one more is not. Each agent has its own limit, and removed items free room. */
async function bounded(
  t: Test,
  app: TestApp,
  limit: number,
  more: (i: number) => [type: string, payload: object],
  less?: [type: string, payload: object],
) {
  const greedy = await connect(t, app, `greedy-${++agents}`)
  const modest = await connect(t, app, `modest-${agents}`)
  for (let i = 0; i < limit; i++) t.equal(await greedy.say(...more(i)), 'ok')
  t.equal(await greedy.say(...more(limit)), 'too_large')
  t.equal(await greedy.say(...more(0)), 'ok', 'existing items still work')
  t.equal(await modest.say(...more(limit + 1)), 'ok')
  if (less === undefined) return
  t.equal(await greedy.say(...less), 'ok')
  t.equal(await greedy.say(...more(limit)), 'ok')
  t.equal(await greedy.say(...more(limit + 2)), 'too_large')
}

t.test('each agent has its own limits', async t => {
  const app = await startApp(t, {
    config: {
      MAX_OPEN_INTERACTIONS_PER_AGENT: 5,
      MAX_SESSIONS_PER_AGENT: 5,
      MAX_OPEN_MESSAGES_PER_AGENT: 4,
      MAX_TERMINALS_PER_AGENT: 5,
      MAX_USAGE_MODELS_PER_AGENT: 5,
    },
  })
  await t.test('[IN17] open interactions of one agent are limited', async t => {
    await bounded(
      t,
      app,
      5,
      i => ['interaction:request', { interactionId: `q${i}`, kind: 'question', title: 'x', options: [] }],
      ['interaction:resolved', { interactionId: 'q1', text: 'y' }],
    )
  })

  await t.test('[SE19] active sessions of one agent are limited', async t => {
    await bounded(t, app, 5, i => ['session:start', { sessionId: `s${i}` }], ['session:end', { sessionId: 's1' }])
  })

  await t.test('[SE12] open messages and tool calls of one agent are limited', async t => {
    await bounded(
      t,
      app,
      4,
      i =>
        i % 2 === 0
          ? ['message:start', { sessionId: 's', messageId: `m${i}` }]
          : ['tool:start', { sessionId: i === 5 ? 'modest' : 's', toolCallId: `t${i}`, name: 'n' }],
      ['tool:end', { sessionId: 's', toolCallId: 't1' }],
    )
  })

  await t.test('[TM15] terminals of one agent are limited, whether output or a resize begins them', async t => {
    await bounded(
      t,
      app,
      5,
      i =>
        i % 2 === 0
          ? ['terminal:output', { terminalId: `t${i}`, offset: 0, data: 'x', encoding: 'utf8' }]
          : ['terminal:resize', { terminalId: `t${i}`, cols: 80, rows: 24 }],
      ['terminal:exit', { terminalId: 't1', exitCode: 0 }],
    )
  })

  await t.test('[AG16] models and sources in the usage of one agent are limited', async t => {
    let request = 0
    await bounded(t, app, 5, i => [
      'usage:report',
      { source: `s${i % 2}`, model: `m${i}`, mode: 'delta', requestId: `r${request++}`, inputTokens: 1 },
    ])
  })
})

t.test('[SE19] nothing begins a session beyond the limit', async t => {
  const { greedy, url, token } = await start(t, { MAX_SESSIONS_PER_AGENT: 1 })
  t.equal(await greedy.say('session:start', { sessionId: 's' }), 'ok')
  for (const [type, payload] of [
    ['session:activity', {}],
    ['session:typing', { typing: true }],
    ['message:start', { messageId: 'm' }],
    ['message:delta', { messageId: 'm', delta: 'x' }],
    ['tool:start', { toolCallId: 't', name: 'n' }],
    ['state:snapshot', { snapshot: {} }],
    ['state:patch', { patch: [] }],
  ] as const) {
    t.equal(await greedy.say(type, { sessionId: 'other', ...payload }), 'too_large', `by ${type}`)
  }
  const viewer = await connectWs(t, url, await token('viewer'))
  viewer.send('subscribe', { topics: ['>'] })
  const { records } = (await viewer.next('snapshot')).payload
  t.notOk(
    records.find((record: { topic: string }) => record.topic.includes('.sessions.other.')),
    'the session has no records',
  )
})

t.test('[SE12] arguments of tool calls count as open characters', async t => {
  const { greedy, app } = await start(t, {})
  const large = 'x'.repeat(250 * 1024)
  let taken = 0
  for (; taken < 40; taken++) {
    const args = taken % 2 === 0 ? { large } : large
    const answer = await greedy.say('tool:start', { sessionId: 's', toolCallId: `t${taken}`, name: 'n', args })
    if (answer === 'too_large') break
  }
  t.equal(taken, 32, '8 Mi characters')
  t.equal(await greedy.say('message:delta', { sessionId: 's', messageId: 'm', delta: large }), 'too_large')
  t.ok(app.openMessages.tally('greedy').chars <= 8 * 1024 * 1024)
  for (let i = 0; i < taken; i++) t.equal(await greedy.say('tool:end', { sessionId: 's', toolCallId: `t${i}` }), 'ok')
  t.same(app.openMessages.tally('greedy'), { items: 0, chars: 0 }, 'ended tool calls no longer count')
})

t.test('[LM6] an agent may have 64 labels and 256 metrics', async t => {
  const { greedy, url, token } = await start(t, {})
  const many = <T>(count: number, value: T) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value]))
  t.equal(await greedy.say('agent:metrics', many(256, 1)), 'ok')
  t.equal(await greedy.say('agent:metrics', many(257, 1)), 'invalid_frame')
  t.equal(await greedy.say('task:create', { taskId: 't', labels: many(64, 'x') }), 'ok')
  t.equal(await greedy.say('task:create', { taskId: 'u', labels: many(65, 'x') }), 'invalid_frame')
  const agent = await connectWs(t, url, await token('agent', { sub: 'labelled' }), '/agent')
  agent.send('agent:connect', { bootId: 'b', labels: many(65, 'x') })
  const { payload } = await agent.next('error')
  t.match(payload, { code: 'invalid_frame', message: /labels.*64/ })
})

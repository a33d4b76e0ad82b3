import { once } from 'node:events'
import type { CommandRun } from '@fleetwire/client/node'
import type { Command, Session } from '@fleetwire/protocol'
import type { Test } from 'tap'
import t from 'tap'
import { bodyOf, openRun, promptAgent, textsOf } from '../../helpers/ag-ui.ts'
import { connectAgent } from '../../helpers/bare-agent.ts'
import { type StartOptions, startApp } from '../../helpers/build.ts'
import { until } from '../../helpers/until.ts'

/** A server, an agent `a` whose run the test controls, and functions that open streams. */
async function start(t: Test, prompt: (run: CommandRun) => Promise<void> = async () => {}, options: StartOptions = {}) {
  const server = await startApp(t, options)
  const agent = await promptAgent(t, server, 'a', {
    async prompt(run) {
      await prompt(run)
      return { status: run.signal.aborted ? 'cancelled' : 'succeeded' }
    },
  })
  const token = await server.token('operator', { sub: 'ann' })
  const post = (body: object = {}, lastEventId?: string, path = '/ag-ui/agents/a') =>
    openRun(t, server.url + path, { token, body: bodyOf(body), ...(lastEventId && { lastEventId }) })
  const get = (runId = 'run', lastEventId?: string) =>
    openRun(t, `${server.url}/ag-ui/agents/a/runs/${runId}/events`, { token, ...(lastEventId && { lastEventId }) })
  const refusal = async (body: object, as = token, path = '/ag-ui/agents/a') =>
    server.call<{ code: string; message: string; details?: object }>(as, 'POST', path, body)
  return { ...server, agent, operator: token, post, get, refusal }
}

/** A promise and the function that resolves it. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { open, opened }
}

const aborted = ({ signal }: CommandRun) => (signal.aborted ? undefined : once(signal, 'abort'))

t.test('[UI1] [UI2] [UI3] a run streams text, reasoning, a tool call and state from start to end', async t => {
  const seen: CommandRun[] = []
  const { post, operator, call } = await start(t, async run => {
    seen.push(run)
    const thought = run.message({ messageId: 'r1', role: 'reasoning' })
    thought.append('hm')
    thought.end()
    run.state({ step: 1 })
    const message = run.message({ messageId: 'm1' })
    message.append('one ')
    run.patch([{ op: 'replace', path: '/step', value: 2 }])
    const tool = run.tool('search', undefined, { toolCallId: 't1', messageId: 'm1' })
    tool.args('{"q":')
    tool.args('1}')
    tool.end({ hits: 3 })
    message.append('two')
    message.end()
    run.tool('broken', {}, { toolCallId: 't2' }).fail({ message: 'no such file', code: 'enoent' })
  })
  const run = await post({ state: { brought: true }, messages: [{ id: 'u1', role: 'user', content: 'hello' }] })
  t.match(run.response, { status: 200 })
  t.equal(run.response.headers.get('content-type'), 'text/event-stream')
  const events = await run.all()
  const { type, n } = { type: run.types, n: run.frames.map(({ id }) => id) }
  t.same(
    n,
    type.map((_, i) => `run:${i + 1}`),
    'each frame has its id',
  )
  const shown = events.filter(({ type }) => type !== 'CUSTOM')
  const of = { messageId: 'm1' }
  t.match(shown, [
    { type: 'RUN_STARTED', threadId: 'thread', runId: 'run', protocolVersion: '1.0' },
    { type: 'STATE_SNAPSHOT', snapshot: { brought: true } },
    { type: 'REASONING_START', messageId: 'r1' },
    { type: 'REASONING_MESSAGE_START', messageId: 'r1', role: 'reasoning' },
    { type: 'REASONING_MESSAGE_CONTENT', messageId: 'r1', delta: 'hm' },
    { type: 'REASONING_MESSAGE_END', messageId: 'r1' },
    { type: 'REASONING_END', messageId: 'r1' },
    { type: 'STATE_SNAPSHOT', snapshot: { step: 1 } },
    { type: 'TEXT_MESSAGE_START', ...of, role: 'assistant' },
    { type: 'TEXT_MESSAGE_CONTENT', ...of, delta: 'one ' },
    { type: 'STATE_DELTA', delta: [{ op: 'replace', path: '/step', value: 2 }] },
    { type: 'TOOL_CALL_START', toolCallId: 't1', toolCallName: 'search', parentMessageId: 'm1' },
    { type: 'TOOL_CALL_ARGS', toolCallId: 't1', delta: '{"q":1}' },
    { type: 'TOOL_CALL_END', toolCallId: 't1' },
    { type: 'TOOL_CALL_RESULT', toolCallId: 't1', messageId: 't1-result', content: '{"hits":3}', role: 'tool' },
    { type: 'TEXT_MESSAGE_CONTENT', ...of, delta: 'two' },
    { type: 'TEXT_MESSAGE_END', ...of },
    { type: 'TOOL_CALL_START', toolCallId: 't2', toolCallName: 'broken' },
    { type: 'TOOL_CALL_ARGS', toolCallId: 't2', delta: '{}' },
    { type: 'TOOL_CALL_END', toolCallId: 't2' },
    { type: 'TOOL_CALL_RESULT', toolCallId: 't2', content: 'no such file', metadata: { isError: true } },
    { type: 'RUN_FINISHED', threadId: 'thread', runId: 'run', outcome: { type: 'success' } },
  ])
  t.equal(shown.length, 22)
  t.match(seen, [{ kind: 'prompt', input: 'hello', sessionId: 'thread' }], 'the run is a prompt of the session')
  const session = await call<Session>(operator, 'GET', '/api/v1/sessions/thread')
  t.match(session.body, { agentId: 'a', title: 'hello' })
  const { body } = await call<{ items: object[] }>(operator, 'GET', '/api/v1/sessions/thread/messages')
  t.match(body.items[0], { messageId: 'u1', role: 'user', text: 'hello', state: 'ended' }, 'people see the prompt')
})

t.test('[UI3] RUN_STARTED is sent before the agent has done anything', async t => {
  const server = await startApp(t)
  const agent = await connectAgent(t, server, 'slow')
  const token = await server.token('operator')
  const run = await openRun(t, `${server.url}/ag-ui/agents/slow`, { token, body: bodyOf() })
  t.match(await run.event('RUN_STARTED'), { runId: 'run' })
  t.match((await agent.next('command:dispatch')).payload, { kind: 'prompt', input: 'hello' })
})

t.test('[UI2] threads, runs and messages may have ids of any form', async t => {
  const { post, get } = await start(t, async run => {
    t.match(run.sessionId, /^x-[\w-]{22}$/)
    run.message({ messageId: 'm' }).append('ok')
  })
  const ids = { threadId: 'thread/1: “ä” 🧵', runId: 'run 1/ä: ☃%' }
  const run = await post({ ...ids, messages: [{ id: 'user:1/ü', role: 'user', content: 'hi' }] })
  const events = await run.all()
  t.match(events[0], ids)
  t.match(events.at(-1), { type: 'RUN_FINISHED', ...ids })
  const again = await get(encodeURIComponent(ids.runId), run.frames[1]!.id)
  t.same(await again.all(), events.slice(2), 'and a header returns them')
})

t.test("[UI2] a shell agent receives the user's message as one line", async t => {
  const server = await startApp(t)
  await promptAgent(t, server, 'sh', { shell: async run => ({ status: 'succeeded', output: `ran ${run.input}` }) })
  const token = await server.token('operator')
  const body = bodyOf({ messages: [{ id: 'u', role: 'user', content: [{ type: 'text', text: 'ls' }] }] })
  const run = await openRun(t, `${server.url}/ag-ui/agents/sh`, { token, body })
  const events = await run.all()
  t.same(Object.values(textsOf(events)), ['ran ls'], 'the output of the command is the text of the message')
  t.match(events.at(-1), { type: 'RUN_FINISHED', result: 'ran ls' })
})

t.test('[UI2] an agent of kind ag-ui receives everything new, as it was sent', async t => {
  const server = await startApp(t)
  const inputs: unknown[] = []
  await promptAgent(t, server, 'full', {
    prompt: async () => ({ status: 'failed' }),
    'ag-ui': async run => {
      inputs.push(run.input)
      return { status: 'succeeded' }
    },
  })
  const token = await server.token('operator')
  const whole = {
    ...{ threadId: 'thread', runId: 'run', state: { n: 1 } },
    tools: [{ name: 'confirm', description: 'asks', parameters: { type: 'object' } }],
    context: [{ description: 'page', value: 'checkout' }],
    forwardedProps: { model: 'large', nested: { a: null } },
  }
  const latest = {
    id: 'u2',
    role: 'user',
    content: [{ type: 'image', source: { type: 'url', value: 'https://x/y.png' } }],
  }
  const messages = [{ id: 'u1', role: 'user', content: 'old' }, { id: 'm1', role: 'assistant' }, latest]
  const body = bodyOf({ ...whole, messages })
  t.match((await (await openRun(t, `${server.url}/ag-ui/agents/full`, { token, body })).all()).at(-1), {
    type: 'RUN_FINISHED',
  })
  t.same(inputs, [{ ...whole, text: '', messages: [latest] }])
  const long = bodyOf({ ...whole, threadId: 'long', runId: 'long', context: [{ value: 'x'.repeat(65_536) }] })
  t.match(await server.call(token, 'POST', '/ag-ui/agents/full', long), { status: 413, body: { code: 'too_large' } })
})

t.test('[UI4] [UI5] a run can be resumed after any of its frames, on any connection, with the same ids', async t => {
  const { open, opened } = gate()
  const { post, get, refusal, operator, url } = await start(t, async run => {
    const message = run.message({ messageId: 'm1' })
    for (let i = 0; i < 5; i++) {
      message.append(`${i} `)
      run.tool('look', { i }, { toolCallId: `t${i}` }).end(i)
    }
    await opened
    message.append('end')
  })
  const first = await post()
  await first.event('TOOL_CALL_RESULT', ({ content }) => content === '4')
  const live = [await get('run', 'run:3'), await post({}, first.lastId)]
  open()
  const all = await first.all().then(() => first.frames)
  await live[0]!.all()
  t.same(live[0]!.frames, all.slice(3))
  await live[1]!.all()
  t.same(live[1]!.frames, all.slice(Number(live[1]!.frames[0]!.id!.split(':')[1]) - 1))
  t.ok(live[1]!.frames.length > 1)
  for (let n = 0; n < all.length; n++) {
    const rest = await get('run', `run:${n}`)
    await rest.all()
    t.same(rest.frames, all.slice(n), `after ${n}`)
  }
  for (const lastEventId of ['other:3', 'nonsense', 'run:x', '3', 'run:-1'])
    t.equal((await get('run', lastEventId)).response.status, 400, lastEventId)
  t.match(await (await get('run', 'run:99')).all(), [{ type: 'RUN_ERROR', code: 'CURSOR_AHEAD' }])
  t.match(await refusal({ ...bodyOf(), threadId: 'other' }), { status: 409, body: { code: 'conflict' } })
  t.equal((await get('none')).response.status, 404)
  const foreign = await openRun(t, `${url}/ag-ui/agents/none/runs/run/events`, { token: operator })
  t.equal(foreign.response.status, 404)
})

t.test(
  '[UI6] a client that joins in mid-message gets all of it, even if its connection is cut while it joins',
  async t => {
    const steps = [gate(), gate(), gate()]
    const { post, get } = await start(t, async run => {
      const message = run.message({ messageId: 'm1' })
      const tool = run.tool('write', undefined, { toolCallId: 't1' })
      const thought = run.message({ messageId: 'r1', role: 'thinking' })
      run.state({ page: 1 })
      message.append('Hello ')
      tool.args('{"a":')
      thought.append('why ')
      await steps[0]!.opened
      message.append('wor')
      await steps[1]!.opened
      message.append('ld')
      tool.args('1}')
      thought.append('not')
      await steps[2]!.opened
      tool.end('written')
    })
    const first = await post({ messages: [{ id: 'u1', role: 'user', content: 'hi' }] })
    await first.event('REASONING_MESSAGE_CONTENT')
    const second = await get()
    await second.event('TOOL_CALL_START')
    t.match(
      second.frames.map(({ event }) => event),
      [
        { type: 'RUN_STARTED', threadId: 'thread', runId: 'run' },
        { type: 'STATE_SNAPSHOT', snapshot: { page: 1 } },
        {
          type: 'MESSAGES_SNAPSHOT',
          messages: [
            { id: 'u1', role: 'user', content: 'hi' },
            {
              ...{ id: 'm1', role: 'assistant', content: 'Hello ' },
              toolCalls: [{ id: 't1', type: 'function', function: { name: 'write', arguments: '{"a":' } }],
            },
            { id: 'r1', role: 'reasoning', content: 'why ' },
          ],
        },
        { type: 'TEXT_MESSAGE_START', messageId: 'm1' },
        { type: 'TOOL_CALL_START', toolCallId: 't1', parentMessageId: 'm1' },
        { type: 'REASONING_START', messageId: 'r1' },
        { type: 'REASONING_MESSAGE_START', messageId: 'r1' },
      ],
    )
    await second.event('REASONING_MESSAGE_START')
    const told = [...second.frames]
    t.equal(told.at(-1)!.id, first.lastId, 'from here on it follows like any other client')
    steps[0]!.open()
    await second.event('TEXT_MESSAGE_CONTENT')
    for (const [i, { id }] of told.entries()) {
      const cut = await get('run', id)
      await cut.event('TEXT_MESSAGE_CONTENT', ({ delta }) => delta === 'wor')
      t.same(cut.frames.slice(0, told.length - i - 1), told.slice(i + 1), `cut after ${id}`)
      cut.cut()
    }
    const system = { id: 's1', role: 'system', content: 'be kind' }
    const own = await post({ messages: [system, { id: 'u1', role: 'user', content: 'hi' }] })
    const { messages } = await own.event('MESSAGES_SNAPSHOT')
    t.match(
      messages,
      [system, { id: 'u1' }, { id: 'm1' }, { id: 'r1' }],
      'messages that only the client has stay in place',
    )
    own.cut()
    const third = await post({ messages: [] })
    await third.event('REASONING_MESSAGE_START')
    steps[1]!.open()
    await second.event('REASONING_MESSAGE_CONTENT', ({ delta }) => delta === 'not')
    steps[2]!.open()
    for (const [viewer, from] of [
      [second, 'wor'],
      [third, 'ld'],
    ] as const) {
      const events = await viewer.all()
      t.same(textsOf(events), { m1: 'Hello world' })
      t.equal(events.find(({ type }) => type === 'TEXT_MESSAGE_CONTENT')!.delta, from)
    }
    await first.all()
    t.same(second.frames.slice(told.length), first.frames.slice(-(second.frames.length - told.length)))
    const late = await get()
    t.match(
      (await late.all()).map(({ type }) => type),
      [...['RUN_STARTED', 'STATE_SNAPSHOT', 'MESSAGES_SNAPSHOT', 'RUN_FINISHED']],
    )
    t.equal(late.lastId, first.lastId)
  },
)

t.test('[UI7] a run outlives its clients, unless a client requested that it ends with the connection', async t => {
  const { open, opened } = gate()
  let ended: string[] = []
  const { post, get, log } = await start(t, async run => {
    run.message({ messageId: `m-${run.input}` }).append('begun')
    if (run.input === 'stays') await opened
    else await aborted(run)
  })
  log.follow(events => {
    ended = [
      ...ended,
      ...events.filter(({ type }) => /command:(succeeded|cancelled)/.test(type)).map(({ type }) => type),
    ]
  })
  const said = (content: string) => ({
    threadId: content,
    runId: content,
    messages: [{ id: 'u', role: 'user', content }],
  })
  const first = await post(said('stays'))
  await first.event('TEXT_MESSAGE_CONTENT')
  first.cut()
  const again = await get('stays', first.lastId)
  open()
  t.equal((await again.all()).at(-1)!.type, 'RUN_FINISHED')
  t.same(ended, ['command:succeeded'])
  for (const [name, body, path] of [
    ['props', { forwardedProps: { fleetwire: { cancelOnAbort: true } } }, undefined],
    ['query', {}, '/ag-ui/agents/a?cancelOnAbort=true'],
  ] as const) {
    const run = await post({ ...said(name), ...body }, undefined, path)
    await run.event('TEXT_MESSAGE_CONTENT')
    const viewer = await get(name)
    await viewer.event('MESSAGES_SNAPSHOT')
    run.cut()
    t.match((await viewer.all()).at(-1), { type: 'RUN_FINISHED', outcome: { type: 'cancelled' } }, name)
  }
  t.same(ended, ['command:succeeded', 'command:cancelled', 'command:cancelled'])
})

t.test('[UI8] refusals are sent before the stream starts', async t => {
  const { open, opened } = gate()
  const { app, post, refusal, token, operator, agent, call, get } = await start(t, () => opened)
  const status = async (body: object, as = operator, path?: string) => (await refusal(body, as, path)).status
  for (const [flaw, field] of [
    [{ threadId: undefined }, 'body.threadId'],
    [{ threadId: '' }, 'body.threadId'],
    [{ runId: 'a\nb' }, 'body.runId'],
    [{ messages: undefined }, 'body.messages'],
    [{ messages: [{ role: 'user' }] }, 'body.messages.0.id'],
    [{ tools: [{}] }, 'body.tools.0.name'],
    [{ resume: [{ interruptId: 'x', status: 'maybe' }] }, 'body.resume.0.status'],
  ] as const) {
    const { status, body } = await refusal(bodyOf(flaw))
    t.match({ status, code: body.code }, { status: 400, code: 'invalid_request' })
    t.match(body.message, field)
  }
  t.equal(await status(bodyOf(), 'nonsense'), 401)
  t.equal(await status(bodyOf(), await token('viewer')), 403)
  t.equal(
    await status(bodyOf(), await token('operator', { scopes: ['command'] })),
    403,
    'this token could not follow the run',
  )
  t.equal(await status(bodyOf(), operator, '/ag-ui/agents/unknown'), 404)
  t.equal(await status(bodyOf(), await token('operator', { agents: ['b'] })), 404)
  const withNulls = { tools: null, context: null, resume: null, state: null, forwardedProps: null, parentRunId: null }
  const run = await post({ ...withNulls, unknownMember: 1 })
  await run.event('RUN_STARTED')
  const busy = await refusal(bodyOf({ runId: 'second', messages: [{ id: 'u2', role: 'user', content: 'too' }] }))
  t.match(busy, { status: 409, body: { code: 'conflict', details: { runId: 'run' } } })
  open()
  await run.all()
  await agent.stop()
  await until(() => app.agents.get('a')?.link === 'offline')
  t.match(await refusal(bodyOf({ runId: 'late', threadId: 'late' })), {
    status: 503,
    body: { code: 'unavailable', message: /"a" is offline/ },
  })
  t.equal((await (await get()).all()).at(-1)!.type, 'RUN_FINISHED', 'an ended run can still be read')
  t.equal((await call(operator, 'GET', '/api/v1/sessions/late')).status, 404, 'a refused run leaves nothing behind')
})

t.test('[UI9] only new messages reach the agent', async t => {
  const inputs: unknown[] = []
  let fails = false
  const { post } = await start(t, async run => {
    inputs.push(run.input)
    if (fails) throw new Error('no')
    run.message({ messageId: `m${inputs.length}` }).append('ok')
  })
  const user = (id: string, content: unknown) => ({ id, role: 'user', content })
  const assistant = (id: string) => ({ id, role: 'assistant', content: 'ok' })
  const system = { id: 's', role: 'system', content: 'be kind' }
  const parts = [
    { type: 'text', text: 'look' },
    { type: 'image', source: { type: 'data', value: 'AAAA', mimeType: 'image/png' } },
  ]
  let n = 0
  const ask = async (...messages: object[]) => (await post({ runId: `r${++n}`, messages })).all()
  await ask(system, user('u1', 'one'))
  await ask(system, user('u1', 'one'), assistant('m1'), user('u2', 'two'), user('u3', parts))
  fails = true
  const failed = await ask(user('u1', 'one'), assistant('m1'), user('u3', parts), assistant('m2'), user('u4', 'four'))
  t.match(failed.at(-1), { type: 'RUN_ERROR', message: 'no' })
  fails = false
  await ask(user('u3', 'three'), assistant('m2'), user('u4', 'four'), user('u5', 'five'))
  t.same(inputs, ['one', 'two\n\nlook', 'four', 'five'], 'the input of a failed run is not sent again')
  await ask(user('u4', 'four'), user('u5', 'five'))
  t.equal(inputs.at(-1), 'five', 'sending the same input again asks for another answer')
  const nothing = await ask()
  t.same(
    nothing.map(({ type }) => type),
    ['RUN_STARTED', 'STATE_SNAPSHOT', 'MESSAGES_SNAPSHOT', 'RUN_FINISHED'],
    'without a new message, the client gets the current state',
  )
  t.match(
    nothing[2]!.messages.map(({ id }: { id: string }) => id),
    ['u1', 'm1', 'u2', 'u3', 'm2', 'u4', 'u5', 'm4', 'm5'],
    'each message once',
  )
  t.equal(inputs.length, 5)
  await (await post({ threadId: 'fresh', runId: 'fresh', messages: [] })).all()
  t.same(inputs.slice(5), [''], 'a new thread may begin with nothing')
})

t.test('[UI2] a command from the REST API is not a run', async t => {
  const { get, call, operator } = await start(t)
  const { body } = await call<Command>(operator, 'POST', '/api/v1/agents/a/commands', { kind: 'prompt', input: 'x' })
  t.equal((await get(body.commandId)).response.status, 404)
})

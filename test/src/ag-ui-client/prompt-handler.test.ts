import { join } from 'node:path'
import { AgentClient } from '@fleetwire/client/node'
import type { Command, Interaction, TranscriptItem } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { createPromptHandler, type PromptHandlerOptions } from '../../../src/ag-ui-client/prompt-handler.ts'
import { ThreadStore } from '../../../src/ag-ui-client/thread-store.ts'
import { systemClock } from '../../../src/clock.ts'
import { type AgentTurn, called, startAgUiAgent } from '../../helpers/ag-ui-agent.ts'
import { startApp } from '../../helpers/build.ts'
import { until } from '../../helpers/until.ts'

/** A server, the AG-UI agent of the script, and the agent `a1` that stands between them. */
async function bridge(
  t: Test,
  script: (turn: AgentTurn, n: number) => unknown,
  over: Partial<PromptHandlerOptions> = {},
) {
  const fleet = await startApp(t)
  const agent = await startAgUiAgent(t, script)
  const folder = join(t.testdir({}), 'threads')
  const admin = await fleet.token('admin')
  const token = await fleet.token('agent', { sub: 'a1' })
  let client: AgentClient
  const begin = async () => {
    const threads = new ThreadStore({ folder, keepMs: 1e9, now: systemClock.now })
    await threads.open()
    const prompt = createPromptHandler({
      ...{ url: agent.url, clock: systemClock, threads, headers: async () => ({}) },
      limits: { answerMs: 20_000, idleMs: 20_000 },
      ask: (question, asked) => client.ask(question, asked),
      ...over,
    })
    client = new AgentClient({ url: fleet.url, token, handlers: { prompt }, maxConcurrency: 4 })
    const online = new Promise<void>(resolve => {
      client.status.subscribe(({ state }) => state === 'online' && resolve())
    })
    await client.start()
    await online
  }
  await begin()
  t.teardown(() => client.stop({ graceMs: 1000 }))
  const call = <T>(method: string, path: string, body?: unknown) => fleet.call<T>(admin, method, `/api/v1${path}`, body)
  const items = async <T>(path: string) => (await call<{ items?: T[] }>('GET', path)).body.items ?? []
  return {
    ...fleet,
    agent,
    call,
    items,
    submit: async (input: unknown, more: object = {}) =>
      (await call<Command>('POST', '/agents/a1/commands', { kind: 'prompt', input, ...more })).body,
    /** Submits and waits for the end. */
    prompt: async (input: unknown, more: object = {}) =>
      (await call<Command>('POST', '/agents/a1/commands?wait=60', { kind: 'prompt', input, ...more })).body,
    ended: ({ commandId }: Command): Promise<Command> =>
      until(async () => {
        const { body } = await call<Command>('GET', `/commands/${commandId}`)
        return body.endedAt !== undefined && body
      }),
    transcript: (sessionId: string) => items<TranscriptItem>(`/sessions/${sessionId}/messages`),
    /** The open questions, once there are so many. */
    questions: (n = 1): Promise<Interaction[]> =>
      until(async () => {
        const open = await items<Interaction>('/interactions?state=open')
        return open.length >= n && open.sort((a, b) => a.interactionId.localeCompare(b.interactionId))
      }),
    answer: (id: string, answer: object) => call('POST', `/interactions/${id}/respond`, answer),
    /** Another process with the same folder. */
    restart: async () => {
      await client.stop({ graceMs: 1000 })
      await begin()
    },
  }
}

t.test('a prompt is a run: text, reasoning, a tool call, state and usage reach the session', async t => {
  const { prompt, transcript, agent, log, items } = await bridge(t, turn => {
    turn.start()
    turn.send(
      { type: 'STEP_STARTED', stepName: 'think' },
      { type: 'REASONING_START', messageId: 'r' },
      { type: 'REASONING_MESSAGE_START', messageId: 'r1', role: 'reasoning' },
      { type: 'REASONING_MESSAGE_CONTENT', messageId: 'r1', delta: 'hm' },
      { type: 'REASONING_MESSAGE_END', messageId: 'r1' },
      { type: 'REASONING_END', messageId: 'r' },
      { type: 'STEP_FINISHED', stepName: 'think' },
      ...called('k1', 'grep', { for: 'x' }),
      { type: 'TOOL_CALL_RESULT', messageId: 'k1r', toolCallId: 'k1', content: 'found' },
      { type: 'STATE_SNAPSHOT', snapshot: { step: 1 } },
      { type: 'STATE_DELTA', delta: [{ op: 'replace', path: '/step', value: 2 }] },
    )
    turn.say('m1', 'Hello', ' 😀', ' world')
    turn.finish({ usage: [{ provider: 'p', model: 'm', inputTokens: 7, outputTokens: 3 }] })
  })
  const command = await prompt('hi', { sessionId: 's1' })
  t.match(command, { status: 'succeeded', output: 'Hello 😀 world' })
  t.match(agent.inputs.items[0], {
    threadId: 's1',
    runId: `${command.commandId}-1`,
    protocolVersion: '1.0',
    messages: [{ id: command.commandId, role: 'user', content: 'hi' }],
  })
  const told = await transcript('s1')
  t.match(told, [
    { kind: 'message', messageId: 'r1', role: 'reasoning', text: 'hm', state: 'ended' },
    { kind: 'tool', toolCallId: 'k1', name: 'grep', result: 'found', state: 'ended' },
    { kind: 'message', messageId: 'm1', role: 'assistant', text: 'Hello 😀 world', state: 'ended' },
  ])
  t.match(await log.get('$state.a1.s1'), { payload: { snapshot: { step: 2 } } })
  t.match(await items('/tasks'), [{ title: 'think', status: 'completed', agentId: 'a1', labels: { 'ag-ui': 'step' } }])
})

t.test('the next prompt of a session is sent all before it, also by the next process', async t => {
  const { prompt, agent, restart } = await bridge(t, (turn, n) => {
    turn.start()
    // The same id in each run, as some agents have it.
    turn.say('m1', `answer ${n}`)
    if (n === 1) turn.send({ type: 'STATE_SNAPSHOT', snapshot: { n } })
    turn.finish()
  })
  const first = await prompt('one', { sessionId: 's1' })
  await restart()
  await prompt('two', { sessionId: 's1' })
  await prompt('other', { sessionId: 's2' })
  const [, second, other] = agent.inputs.items
  t.match(second!.messages, [
    { id: first.commandId, role: 'user', content: 'one' },
    { id: 'm1', role: 'assistant', content: 'answer 1' },
    { role: 'user', content: 'two' },
  ])
  t.same(second!.state, { n: 1 })
  t.equal(other!.messages.length, 1)
  t.same(other!.state, {})
})

t.test('a message id that an agent uses again is another message in the session', async t => {
  const { prompt, transcript } = await bridge(t, (turn, n) => {
    turn.start()
    turn.say('m1', `answer ${n}`)
    turn.say('m1', 'more')
    turn.say('of any length: ü'.repeat(20), 'odd id')
    turn.finish()
  })
  await prompt('one', { sessionId: 's1' })
  await prompt('two', { sessionId: 's1' })
  const texts = (await transcript('s1')).map(item => (item.kind === 'message' ? item.text : ''))
  t.same(texts, ['answer 1', 'more', 'odd id', 'answer 2', 'more', 'odd id'])
})

t.test('an agent that does not stream sends its answer among all messages', async t => {
  const { prompt, transcript, agent } = await bridge(t, (turn, n) => {
    turn.start()
    const calls = [{ id: 'k1', type: 'function', function: { name: 'ls', arguments: '{"in":"."}' } }]
    if (n === 1)
      turn.send({
        type: 'MESSAGES_SNAPSHOT',
        messages: [
          // It has forgotten what the user said.
          { id: 'a1', role: 'assistant', content: 'Looking', toolCalls: calls },
          { id: 't1', role: 'tool', toolCallId: 'k1', content: 'README.md' },
          { id: 'a2', role: 'assistant', content: 'There is a README.' },
        ],
      })
    turn.finish()
  })
  const first = await prompt('what is here?', { sessionId: 's1' })
  t.match(first, { status: 'succeeded', output: 'There is a README.' })
  t.match(await transcript('s1'), [
    { kind: 'message', text: 'Looking' },
    { kind: 'tool', name: 'ls', result: 'README.md' },
    { kind: 'message', text: 'There is a README.' },
  ])
  await prompt('and now?', { sessionId: 's1' })
  t.same(
    agent.inputs.items[1]!.messages.map(({ role }) => role),
    ['user', 'assistant', 'tool', 'assistant', 'user'],
    'an agent that forgets does not make the thread forget',
  )
  t.equal((await transcript('s1')).length, 3, 'nothing is shown twice')
})

const broken: { what: string; script(turn: AgentTurn): unknown; error: object | RegExp; output?: string }[] = [
  {
    what: 'ends without an end',
    script: turn => {
      turn.start()
      turn.say('m1', 'half')
      turn.end()
    },
    error: { code: 'no_end' },
    output: 'half',
  },
  { what: 'is empty', script: turn => turn.end(), error: { code: 'no_end' } },
  {
    what: 'is cut',
    script: turn => {
      turn.start()
      turn.say('m1', 'half')
      setImmediate(() => turn.cut())
    },
    error: { code: 'cut' },
  },
  { what: 'is cut before it begins', script: turn => turn.cut(), error: { code: 'unreachable', message: /hang up/ } },
  {
    what: 'is an error',
    script: turn => {
      turn.start()
      turn.send({ type: 'RUN_ERROR', message: 'no quota', code: 'quota' })
      turn.response.end()
    },
    error: { code: 'quota', message: 'no quota' },
  },
  {
    what: 'is an error alone',
    script: turn => {
      turn.send({ type: 'RUN_ERROR', message: 'bad input' })
      turn.response.end()
    },
    error: { code: 'run_error', message: 'bad input' },
  },
  {
    what: 'breaks the rules',
    script: turn => {
      turn.start()
      turn.send({ type: 'TEXT_MESSAGE_CONTENT', messageId: 'm', delta: 'x' })
    },
    error: { code: 'protocol_error', message: /No active text message/ },
  },
  {
    what: 'is no JSON',
    script: turn => {
      turn.start()
      turn.response.write('data: {oops\n\n')
    },
    error: { code: 'protocol_error', message: /JSON/ },
  },
  {
    what: 'is JSON null',
    script: turn => {
      turn.start()
      turn.response.write('data: null\n\n')
    },
    error: { code: 'protocol_error' },
  },
  {
    what: 'is a page',
    script: turn => turn.response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Hi</h1>'),
    error: { code: 'not_ag_ui', message: /text\/html.*address of an AG-UI agent/ },
  },
  {
    what: 'is a refusal',
    script: turn => turn.response.writeHead(401).end('{"detail":"no key"}'),
    error: { code: 'http_401', message: /HTTP 401.*no key/ },
  },
  {
    what: 'is a long refusal',
    script: turn => turn.response.writeHead(500).end('x'.repeat(300_000)),
    error: { code: 'http_500', message: /^.{1,600}$/ },
  },
  { what: 'is nothing', script: turn => turn.response.writeHead(204).end(), error: { code: 'http_204' } },
  {
    what: 'leads elsewhere',
    script: turn => turn.response.writeHead(307, { location: '/run/' }).end(),
    error: { code: 'http_307', message: /redirects to http:.*\/run\/: give that address/ },
  },
]
for (const { what, script, error, output } of broken) {
  t.test(`a run whose answer ${what} has failed, and the next one works`, async t => {
    const { prompt } = await bridge(t, (turn, n) => {
      if (n === 1) return script(turn)
      turn.start()
      turn.finish()
      return undefined
    })
    const command = await prompt('hi', { sessionId: 's1' })
    t.match(command, { status: 'failed', error, ...(output !== undefined && { output }) })
    t.match(await prompt('again', { sessionId: 's1' }), { status: 'succeeded' })
  })
}

t.test('nobody at the address, silence, and no answer at all are failures that say so', async t => {
  const limits = { answerMs: 300, idleMs: 300 }
  const { prompt } = await bridge(
    t,
    (turn, n) => {
      if (n === 1) turn.start()
    },
    { limits },
  )
  t.match(await prompt('hi'), { status: 'failed', error: { code: 'silent', message: /nothing for 0\.3 s/ } })
  t.match(await prompt('hi'), {
    status: 'failed',
    error: { code: 'no_answer', message: /did not answer within 0\.3 s/ },
  })
  const gone = await bridge(t, () => {}, { url: 'http://user:secret@127.0.0.1:1/run?key=secret' })
  const command = await gone.prompt('hi')
  t.match(command, {
    status: 'failed',
    error: { code: 'unreachable', message: /no connection to http:\/\/127\.0\.0\.1:1\/run: / },
  })
  t.notMatch(JSON.stringify(command), 'secret')
})

t.test('lines may end with CR LF, come in any pieces, and hold invalid UTF-8', async t => {
  const { prompt } = await bridge(t, async turn => {
    const { threadId, runId } = turn.input
    const events = [
      { type: 'RUN_STARTED', threadId, runId },
      { type: 'TEXT_MESSAGE_START', messageId: 'm' },
      { type: 'TEXT_MESSAGE_CONTENT', messageId: 'm', delta: 'é😀' },
      { type: 'TEXT_MESSAGE_CONTENT', messageId: 'm', delta: '#' },
      { type: 'TEXT_MESSAGE_END', messageId: 'm' },
      { type: 'RUN_FINISHED', threadId, runId },
    ]
    const text = events.map(event => `: beat\r\nevent: x\r\ndata: ${JSON.stringify(event)}\r\n\r\n`).join('')
    const bytes = Buffer.from(text)
    bytes[bytes.indexOf('#')] = 0xff
    turn.response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    for (const byte of bytes) {
      turn.response.write(Buffer.of(byte))
      if (byte > 127) await new Promise(resolve => setImmediate(resolve))
    }
    turn.response.end()
  })
  t.match(await prompt('hi'), { status: 'succeeded', output: 'é😀\ufffd' })
})

t.test('an interrupt of the command closes the request, keeps what was said, and heals the thread', async t => {
  const { submit, prompt, ended, call, agent, transcript } = await bridge(t, async (turn, n) => {
    turn.start()
    if (n > 1) return turn.finish()
    turn.say('m1', 'so far')
    turn.send(...called('k1', 'ls', {}), { type: 'TOOL_CALL_START', toolCallId: 'k2', toolCallName: 'rm' })
    turn.send({ type: 'TOOL_CALL_ARGS', toolCallId: 'k2', delta: '{"path":' })
    return undefined
  })
  const command = await submit('hi', { sessionId: 's1' })
  await until(async () => (await transcript('s1')).length === 3)
  await call('POST', `/commands/${command.commandId}/interrupt`)
  await agent.turns[0]!.closed
  t.match(await ended(command), { status: 'cancelled', confirmed: true, detail: /request was closed/ })
  await prompt('go on', { sessionId: 's1' })
  t.match(agent.inputs.items[1]!.messages, [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: 'so far' },
    { role: 'assistant', toolCalls: [{ id: 'k1' }] },
    { role: 'tool', toolCallId: 'k1', error: /cancelled/ },
    { role: 'user', content: 'go on' },
  ])
})

t.test('an agent that says it was cancelled has a cancelled command', async t => {
  const { prompt } = await bridge(t, turn => {
    turn.start()
    turn.finish({ outcome: { type: 'cancelled' } })
  })
  t.match(await prompt('hi'), { status: 'cancelled', detail: /ended its run as cancelled/ })
})

t.test('interrupts are questions, and their answers go on in a run of their own', async t => {
  const interrupts = [
    { id: 'i', reason: 'tool_call', message: 'Send it?\nTo everybody.', toolCallId: 'k1' },
    { id: 'of any length: ü'.repeat(9), reason: 'input_required', message: 'Which colour?' },
  ]
  const { submit, questions, answer, ended, agent, items, transcript } = await bridge(t, (turn, n) => {
    turn.start()
    if (n === 1) {
      turn.send(...called('k1', 'send', { to: 'all' }))
      return turn.finish({ outcome: { type: 'interrupt', interrupts } })
    }
    turn.send({ type: 'TOOL_CALL_RESULT', messageId: 'r', toolCallId: 'k1', content: 'sent' })
    turn.say('m2', 'Done')
    return turn.finish()
  })
  const command = await submit('go', { sessionId: 's1' })
  const [permission, question] = await questions(2)
  t.match(permission, {
    ...{ kind: 'permission', title: 'Send it?', description: 'Send it?\nTo everybody.', sessionId: 's1' },
    commandId: command.commandId,
    subject: { type: 'tool_call', preview: 'send {"to":"all"}' },
    options: [{ id: 'allow' }, { id: 'deny' }],
  })
  t.match(question, { kind: 'question', title: 'Which colour?' })
  await answer(question!.interactionId, { text: 'red' })
  await answer(permission!.interactionId, { optionId: 'allow' })
  t.match(await ended(command), { status: 'succeeded', output: 'Done' })
  t.match(agent.inputs.items[1], {
    runId: `${command.commandId}-1-2`,
    threadId: 's1',
    resume: [
      { interruptId: 'i', status: 'resolved', payload: { approved: true } },
      { interruptId: interrupts[1]!.id, status: 'resolved', payload: 'red' },
    ],
  })
  t.match(await transcript('s1'), [{ kind: 'tool', toolCallId: 'k1', result: 'sent' }, { text: 'Done' }])
  t.match(await items('/interactions?state=resolved'), [{ delivery: 'applied' }, { delivery: 'applied' }])
})

t.test(
  'a command that is interrupted while it asks leaves nothing open; the next prompt says so to the agent',
  async t => {
    const { submit, prompt, questions, ended, agent, call, items, restart } = await bridge(t, (turn, n) => {
      turn.start()
      if (n > 1) return turn.finish()
      return turn.finish({ outcome: { type: 'interrupt', interrupts: [{ id: 'i', reason: 'confirmation' }] } })
    })
    const command = await submit('go', { sessionId: 's1' })
    await questions()
    await call('POST', `/commands/${command.commandId}/interrupt`)
    t.match(await ended(command), { status: 'cancelled' })
    t.match(await items('/interactions'), [{ state: 'cancelled' }])
    await restart()
    t.match(await prompt('again', { sessionId: 's1' }), { status: 'succeeded' })
    t.same(agent.inputs.items[1]!.resume, [{ interruptId: 'i', status: 'cancelled' }])
  },
)

t.test('an interrupt that has expired is cancelled, and an agent that only asks comes to an end', async t => {
  const { prompt, agent } = await bridge(t, turn => {
    turn.start()
    const expiresAt = new Date(Date.now() - 1000).toISOString()
    turn.finish({ outcome: { type: 'interrupt', interrupts: [{ id: 'i', reason: 'confirmation', expiresAt }] } })
  })
  t.match(await prompt('go'), { status: 'failed', error: { code: 'unanswered' } })
  t.equal(agent.turns.length, 3)
  t.match(agent.inputs.items[1]!.resume, [{ status: 'cancelled' }])
})

t.test('two prompts of one session take turns, of two sessions they do not', async t => {
  const { submit, ended, agent, call } = await bridge(t, async turn => {
    turn.start()
  })
  const first = await submit('one', { sessionId: 's1' })
  await agent.inputs.until(all => all.length === 1)
  const second = await submit('two', { sessionId: 's1' })
  const other = await submit('three', { sessionId: 's2' })
  const third = await submit('four', { sessionId: 's1' })
  await agent.inputs.until(all => all.length === 2)
  t.equal(agent.inputs.items[1]!.threadId, 's2')
  await call('POST', `/commands/${third.commandId}/interrupt`)
  t.match(await ended(third), { status: 'cancelled' }, 'one that waits for its turn can be interrupted')
  agent.turns[0]!.finish()
  await agent.inputs.until(all => all.length === 3)
  t.match(agent.inputs.items[2], { threadId: 's1', messages: [{ content: 'one' }, { content: 'two' }] })
  for (const turn of agent.turns.slice(1)) turn.finish()
  for (const command of [first, second, other]) t.match(await ended(command), { status: 'succeeded' })
})

t.test('calls that are left to the client fail, and the agent is told', async t => {
  const { prompt, agent, transcript } = await bridge(t, (turn, n) => {
    turn.start()
    if (n === 1) turn.send(...called('k1', 'pick_a_file', {}))
    turn.finish(n === 1 ? { outcome: { type: 'success', pendingToolCallIds: ['k1'] } } : {})
  })
  t.match(await prompt('go', { sessionId: 's1' }), { status: 'succeeded' })
  t.match(await transcript('s1'), [{ kind: 'tool', error: { code: 'not_run' } }])
  await prompt('and?', { sessionId: 's1' })
  t.match(agent.inputs.items[1]!.messages[2], { role: 'tool', toolCallId: 'k1', error: /left it to its client/ })
})

t.test('a long answer in small pieces, and results and states that are too large, do not stop a run', async t => {
  const pieces = 30_000
  const { prompt, transcript, log } = await bridge(t, async turn => {
    turn.start()
    turn.send({ type: 'STATE_SNAPSHOT', snapshot: { big: 'x'.repeat(300_000) } })
    turn.send(...called('k1', 'cat', {}))
    turn.send({ type: 'TOOL_CALL_RESULT', messageId: 'r', toolCallId: 'k1', content: 'y'.repeat(400_000) })
    turn.send({ type: 'TEXT_MESSAGE_START', messageId: 'm' })
    for (let i = 0; i < pieces; i++) turn.send({ type: 'TEXT_MESSAGE_CONTENT', messageId: 'm', delta: `${i} ` })
    turn.send({ type: 'TEXT_MESSAGE_END', messageId: 'm' })
    turn.finish({ result: 'ok' })
  })
  t.match(await prompt('go', { sessionId: 's1' }), { status: 'succeeded', output: 'ok' })
  const [call, message] = await transcript('s1')
  t.match(call, { kind: 'tool', result: /characters cut: over the frame limit/ })
  const text = Array.from({ length: pieces }, (_, i) => `${i} `).join('')
  t.equal(message?.kind === 'message' && message.text === text, true)
  t.equal(await log.get('$state.a1.s1'), undefined)
})

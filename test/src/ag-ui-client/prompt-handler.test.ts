import { HttpAgent } from '@ag-ui/client'
import t from 'tap'
import { called } from '../../helpers/ag-ui-agent.ts'
import { agUiBridge as bridge } from '../../helpers/ag-ui-bridge.ts'
import { until } from '../../helpers/until.ts'

// Many servers, which are slow on a busy machine.
t.setTimeout(120_000)

t.test('a prompt is a run: text, reasoning, a tool call, state and usage reach the session', async t => {
  const { prompt, transcript, agent, log, items, call } = await bridge(t, turn => {
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
  t.match((await call('GET', '/agents/a1/usage')).body, { inputTokens: 7, outputTokens: 3 })
  t.match(await items('/tasks'), [{ title: 'think', status: 'completed', agentId: 'a1', labels: { 'ag-ui': 'step' } }])
})

t.test('the next prompt of a session is sent with all earlier messages, also by the next process', async t => {
  const { prompt, agent, restart } = await bridge(t, (turn, n) => {
    turn.start()
    // The same id in each run, as with some agents.
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

t.test('a message id that an agent reuses is another message in the session', async t => {
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

t.test('an agent that does not stream sends its answer within the list of all messages', async t => {
  const { prompt, transcript, agent } = await bridge(t, (turn, n) => {
    turn.start()
    const calls = [{ id: 'k1', type: 'function', function: { name: 'ls', arguments: '{"in":"."}' } }]
    if (n === 1)
      turn.send({
        type: 'MESSAGES_SNAPSHOT',
        messages: [
          // The agent has dropped the user's message.
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
    'an agent that drops messages does not remove them from the thread',
  )
  t.equal((await transcript('s1')).length, 3, 'nothing is shown twice')
})

t.test('lines may end with CR LF, arrive in any chunks, and contain invalid UTF-8', async t => {
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

t.test('interrupting the command closes the request, keeps the text so far, and repairs the thread', async t => {
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

t.test('a connection that stays open after the end of a run, or carries a second run, causes no delay', async t => {
  const { prompt } = await bridge(t, (turn, n) => {
    const { threadId, runId } = turn.input
    turn.start()
    turn.say('m1', 'one')
    turn.send({ type: 'RUN_FINISHED', threadId, runId })
    if (n === 1) return
    turn.start()
    turn.say('m2', 'two')
    turn.send({ type: 'RUN_FINISHED', threadId, runId })
  })
  t.match(await prompt('hi'), { status: 'succeeded', output: 'one' })
  t.match(await prompt('hi'), { status: 'succeeded', output: 'two' })
})

t.test('agents older than 1.0 work: chunks, thinking, and no protocol version', async t => {
  const { prompt, transcript } = await bridge(t, turn => {
    turn.start()
    turn.send(
      { type: 'THINKING_START', title: 'x' },
      { type: 'THINKING_TEXT_MESSAGE_START' },
      { type: 'THINKING_TEXT_MESSAGE_CONTENT', delta: 'hm' },
      { type: 'THINKING_TEXT_MESSAGE_END' },
      { type: 'THINKING_END' },
      { type: 'TEXT_MESSAGE_CHUNK', messageId: 'm1', delta: 'Hel' },
      { type: 'TEXT_MESSAGE_CHUNK', delta: 'lo' },
      { type: 'TOOL_CALL_CHUNK', toolCallId: 'k1', toolCallName: 'ls', delta: '{' },
      { type: 'TOOL_CALL_CHUNK', delta: '}' },
      { type: 'SOMETHING_NEW', value: 1 },
      { type: 'CUSTOM', name: 'x', value: null },
    )
    turn.finish()
  })
  t.match(await prompt('hi', { sessionId: 's1' }), { status: 'succeeded', output: 'Hello' })
  t.match(await transcript('s1'), [
    { role: 'reasoning', text: 'hm' },
    { role: 'assistant', text: 'Hello' },
    { kind: 'tool', name: 'ls', state: 'ended' },
  ])
})

t.test('an AG-UI client drives an AG-UI agent through the fleet: text, a call, a question and its answer', async t => {
  const { url, token, agent } = await bridge(t, (turn, n) => {
    turn.start()
    if (n === 1) {
      turn.say('m1', 'Let me ', 'see')
      turn.send(...called('k1', 'send', { to: 'all' }))
      const interrupts = [{ id: 'i', reason: 'tool_call', message: 'Send it?', toolCallId: 'k1' }]
      return turn.finish({ outcome: { type: 'interrupt', interrupts } })
    }
    turn.send({ type: 'TOOL_CALL_RESULT', messageId: 'r', toolCallId: 'k1', content: 'sent' })
    turn.say('m2', 'Done')
    return turn.finish({ usage: [{ inputTokens: 3 }] })
  })
  const headers = { Authorization: `Bearer ${await token('operator')}` }
  const client = new HttpAgent({ url: `${url}/ag-ui/agents/a1`, threadId: 't1', headers })
  client.addMessage({ id: 'u1', role: 'user', content: 'go' })
  await client.runAgent({ runId: 'r1' })
  const [interrupt] = client.pendingInterrupts
  t.match(interrupt, { message: 'Send it?' })
  await client.runAgent({
    runId: 'r2',
    resume: [{ interruptId: interrupt!.id, status: 'resolved', payload: { optionId: 'allow' } }],
  })
  t.same(client.pendingInterrupts, [])
  const texts = client.messages.map(({ role, content }) => `${role}: ${content ?? ''}`)
  t.match(texts, ['user: go', 'assistant: Let me see'])
  t.ok(texts.includes('assistant: Done'), texts.join('; '))
  t.match(agent.inputs.items[1]!.resume, [{ interruptId: 'i', status: 'resolved', payload: { approved: true } }])
  t.match(agent.inputs.items[0]!.messages, [{ role: 'user', content: 'go' }])
})

t.test('an agent that ends its run as cancelled has its command cancelled', async t => {
  const { prompt } = await bridge(t, turn => {
    turn.start()
    turn.finish({ outcome: { type: 'cancelled' } })
  })
  t.match(await prompt('hi'), { status: 'cancelled', detail: /ended its run as cancelled/ })
})

t.test('interrupts are questions, and their answers continue in a new run', async t => {
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
  'interrupting a command while it asks leaves nothing open; the next prompt reports the cancellation to the agent',
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

t.test('an expired interrupt is cancelled, and an agent that only asks is stopped', async t => {
  const { prompt, agent } = await bridge(t, turn => {
    turn.start()
    const expiresAt = new Date(Date.now() - 1000).toISOString()
    turn.finish({ outcome: { type: 'interrupt', interrupts: [{ id: 'i', reason: 'confirmation', expiresAt }] } })
  })
  t.match(await prompt('go'), { status: 'failed', error: { code: 'unanswered' } })
  t.equal(agent.turns.length, 3)
  t.match(agent.inputs.items[1]!.resume, [{ status: 'cancelled' }])
})

t.test('two prompts of one session take turns, those of two sessions do not', async t => {
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
  t.match(await ended(third), { status: 'cancelled' }, 'a prompt that waits for its turn can be interrupted')
  agent.turns[0]!.finish()
  await agent.inputs.until(all => all.length === 3)
  t.match(agent.inputs.items[2], { threadId: 's1', messages: [{ content: 'one' }, { content: 'two' }] })
  for (const turn of agent.turns.slice(1)) turn.finish()
  for (const command of [first, second, other]) t.match(await ended(command), { status: 'succeeded' })
})

t.test('calls that are left to the client fail, and the agent is informed', async t => {
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

t.test('an interrupt that LangGraph sends as a CUSTOM event is a question too', async t => {
  const forwardedProps = { model: 'm' }
  const { submit, prompt, questions, answer, ended, agent } = await bridge(
    t,
    (turn, n) => {
      turn.start()
      if (n === 1 || n === 3) turn.send({ type: 'CUSTOM', name: 'on_interrupt', value: 'Which colour?' })
      else turn.say(`m${n}`, 'Thanks')
      turn.finish()
    },
    { forwardedProps },
  )
  const command = await submit('paint', { sessionId: 's1' })
  const [question] = await questions()
  t.match(question, { kind: 'question', title: 'Which colour?' })
  await answer(question!.interactionId, { text: 'red' })
  t.match(await ended(command), { status: 'succeeded', output: 'Thanks' })
  const [first, second] = agent.inputs.items
  t.same(first!.forwardedProps, { model: 'm' })
  t.same(second!.forwardedProps, { model: 'm', command: { resume: 'red' } })
  t.equal(second!.resume, undefined)
  const other = await submit('paint', { sessionId: 's1' })
  const [again] = await questions()
  await answer(again!.interactionId, { optionId: 'cancel' })
  t.match(await ended(other), { status: 'cancelled', detail: /Nobody answered/ })
  t.match(await prompt('never mind', { sessionId: 's1' }), { status: 'succeeded' })
  t.equal(agent.inputs.items[3]!.resume, undefined)
})

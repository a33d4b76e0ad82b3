import t, { type Test } from 'tap'
import { AgentClient } from '../node/index.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { ScriptedServer, welcomeAgent } from '../testing/scripted-server.ts'
import { statusOf } from '../testing/status-of.ts'
import type { CommandHandler } from './command-run.ts'
import type { RunMessage } from './run-message.ts'

/** Runs one command and resolves with the frames that the server received, except the heartbeat and the greeting. */
async function say(t: Test, prompt: CommandHandler, over: object = {}) {
  const server = await ScriptedServer.listen(t)
  const agent = new AgentClient({ url: server.url, token: 'T', handlers: { prompt }, random: () => 0 })
  t.after(() => agent.stop({ graceMs: 0 }))
  await agent.start()
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', { commandId: 'c1', attempt: 1, kind: 'prompt', input: '', runTimeoutMs: 0, ...over })
  const result = await peer.next('command:result')
  const { messages } = peer
  return { result: result.payload, messages, frames: peer.log.slice(2).filter(({ type }) => type !== 'command:result') }
}

const done = { status: 'succeeded' } as const

t.test('a message begins, grows and ends, and belongs to the command and its session', async t => {
  const { frames } = await say(
    t,
    run => {
      const message = run.message({ messageId: 'm1', role: 'narrator' })
      message.append('Hello')
      message.append('')
      message.end()
      message.end()
      t.throws(() => message.append('late'), { code: 'ended' })
      const { messageId } = run.message()
      t.match(messageId, /^msg_/)
      return done
    },
    { sessionId: 's1', taskId: 't1' },
  )
  const of = { sessionId: 's1', messageId: 'm1', commandId: 'c1', taskId: 't1' }
  t.same(
    frames.slice(0, 3).map(({ type, payload }) => [type, payload]),
    [
      ['message:start', { ...of, role: 'narrator' }],
      ['message:delta', { ...of, delta: 'Hello' }],
      ['message:end', of],
    ],
  )
})

t.test('a character that comes in halves is sent whole, and a single half is not lost', async t => {
  const { frames } = await say(t, async run => {
    const message = run.message()
    message.append('a\ud83d')
    // The first text of a message is not held up, so it gets its own frame.
    await Promise.resolve()
    message.append('\ude00b\ud83d')
    message.end()
    return done
  })
  t.same(
    frames.filter(({ type }) => type === 'message:delta').map(({ payload }) => payload.delta),
    ['a', '😀b\ud83d'],
  )
})

t.test('a tool call has arguments at once or in pieces, a result or an error, and one end', async t => {
  const { frames } = await say(t, run => {
    const message = run.message({ messageId: 'm1' })
    const ls = run.tool('ls', { path: '.' }, { toolCallId: 'k1', messageId: message.messageId })
    ls.end(['a'])
    t.throws(() => ls.end(), { code: 'ended' })
    const grep = run.tool('grep', undefined, { toolCallId: 'k2' })
    grep.args('{"for":')
    grep.fail({ message: 'no such file', code: 'ENOENT' })
    t.throws(() => grep.args('x'), { code: 'ended' })
    const big = run.tool('cat')
    t.throws(() => big.end('x'.repeat(300_000)), { code: 'frame_too_large' })
    big.end('too long')
    message.end()
    return done
  })
  const of = { sessionId: 'c1', commandId: 'c1' }
  t.match(
    frames.filter(({ type }) => type.startsWith('tool:')),
    [
      { type: 'tool:start', payload: { ...of, toolCallId: 'k1', messageId: 'm1', name: 'ls', args: { path: '.' } } },
      { type: 'tool:end', payload: { ...of, toolCallId: 'k1', result: ['a'] } },
      { type: 'tool:start', payload: { ...of, toolCallId: 'k2', name: 'grep' } },
      { type: 'tool:args', payload: { ...of, toolCallId: 'k2', delta: '{"for":' } },
      { type: 'tool:end', payload: { ...of, toolCallId: 'k2', error: { code: 'ENOENT' } } },
      { type: 'tool:start', payload: { name: 'cat', toolCallId: /^call_/ } },
      { type: 'tool:end', payload: { result: 'too long' } },
    ],
  )
})

t.test('what a handler leaves open ends before the result, even if the handler throws', async t => {
  const { frames, result } = await say(t, run => {
    run.message({ messageId: 'm1' }).append('half a')
    run.tool('ls', undefined, { toolCallId: 'k1' })
    throw new Error('model overloaded')
  })
  t.match(result, { status: 'failed', error: 'model overloaded' })
  t.match(frames.slice(-2), [
    { type: 'message:end', payload: { messageId: 'm1' } },
    { type: 'tool:end', payload: { toolCallId: 'k1', error: { code: 'abandoned' } } },
  ])
})

t.test('typing, activity and state of the session; typing has no number, so the numbers have no gap', async t => {
  const { frames } = await say(t, run => {
    run.typing()
    run.activity({ title: 'Talk' })
    run.state({ step: 1 })
    run.patch([{ op: 'replace', path: '/step', value: 2 }])
    return done
  })
  t.same(
    frames.map(({ type, n, payload }) => [type, n, payload]),
    [
      ['session:typing', undefined, { sessionId: 'c1', typing: true }],
      ['session:activity', 2, { sessionId: 'c1', title: 'Talk' }],
      ['state:snapshot', 3, { sessionId: 'c1', snapshot: { step: 1 } }],
      ['state:patch', 4, { sessionId: 'c1', patch: [{ op: 'replace', path: '/step', value: 2 }] }],
    ],
  )
})

t.test('everything reported in one turn is sent in one message, and the pieces of a text in one frame', async t => {
  const { frames, messages } = await say(t, run => {
    const message = run.message({ messageId: 'm1' })
    for (const piece of ['one', ' two', ' three']) message.append(piece)
    const call = run.tool('grep', undefined, { toolCallId: 'k1' })
    for (const piece of ['{"for"', ':"x"', '}']) call.args(piece)
    call.end()
    message.append(' four')
    return done
  })
  t.same(
    frames.map(({ type, n, payload }) => [type, n, payload.delta]),
    [
      ['message:start', 2, undefined],
      ['message:delta', 3, 'one two three'],
      ['tool:start', 4, undefined],
      ['tool:args', 5, '{"for":"x"}'],
      ['tool:end', 6, undefined],
      ['message:delta', 7, ' four'],
      ['message:end', 8, undefined],
    ],
  )
  t.equal(messages.length, 4, 'the greeting, what was said, the end of what was left open, the result')
})

t.test(
  'a text that streams leaves in a few frames, whole; an idle run is heard at once, and so is an interrupt',
  async t => {
    const clock = new FakeClock()
    const server = await ScriptedServer.listen(t)
    const messages: RunMessage[] = []
    const prompt: CommandHandler = run => {
      messages.push(run.message({ messageId: run.commandId }))
      return new Promise(resolve => run.force.addEventListener('abort', () => resolve({ status: 'cancelled' })))
    }
    const agent = new AgentClient({ url: server.url, token: 'T', clock, handlers: { prompt }, maxConcurrency: 2 })
    t.after(() => agent.stop({ graceMs: 0 }))
    await agent.start()
    const { peer } = await welcomeAgent(server)
    for (const commandId of ['c1', 'c2']) {
      peer.tell('command:dispatch', { commandId, attempt: 1, kind: 'prompt', input: '', runTimeoutMs: 0 })
      await peer.next('message:start')
    }
    const [one, two] = messages
    one!.append('a')
    t.match(await peer.next('message:delta'), { payload: { messageId: 'c1', delta: 'a' } })
    for (const piece of ['b', 'c', 'd']) {
      one!.append(piece)
      await new Promise(resolve => setImmediate(resolve))
      clock.advance(5)
    }
    t.equal(peer.log.filter(({ type }) => type === 'message:delta').length, 1, 'nothing else has left')
    clock.advance(5)
    t.match(await peer.next('message:delta'), { payload: { messageId: 'c1', delta: 'bcd' } })
    one!.append('e')
    two!.append('now')
    const first = await peer.next('message:delta')
    const second = await peer.next('message:delta')
    t.same([first.payload.delta, second.payload.delta], ['e', 'now'], 'in their order')
    one!.append('f')
    peer.tell('command:interrupt', { commandId: 'c1', attempt: 1, force: false })
    t.match(await peer.next('message:delta'), { payload: { messageId: 'c1', delta: 'f' } })
    peer.tell('command:interrupt', { commandId: 'c1', attempt: 1, force: true })
    await peer.next('command:result')
    two!.append('late')
    peer.cut()
    await statusOf(agent, 'waiting')
    const stopped = agent.stop({ graceMs: 0 })
    await new Promise(resolve => setImmediate(resolve))
    clock.advance(0)
    await new Promise(resolve => setImmediate(resolve))
    clock.advance(0)
    await new Promise(resolve => setImmediate(resolve))
    clock.advance(0)
    await stopped
    t.equal(clock.timers, 0, 'no timer is left')
  },
)

import { test } from 'tap'
import { LiveSession } from '../../../src/acp/live-session.ts'
import { SessionView } from '../../../src/acp/session-view.ts'

/** A session whose program answers when the test decides. */
function start() {
  const told: string[] = []
  const asked: { resolve(response: unknown): void; reject(error: unknown): void }[] = []
  const gone = new AbortController()
  const peer = {
    gone: gone.signal,
    cancel: () => void told.push('cancel'),
    request: () => {
      told.push('prompt')
      return new Promise((resolve, reject) => asked.push({ resolve, reject }))
    },
  }
  let isFull = false
  const message = () => ({
    append() {
      if (isFull) throw Object.assign(new Error('the outbox is full'), { code: 'outbox_full' })
    },
    end() {},
  })
  const port = { taskId: undefined, message, tool() {}, progress() {}, report() {} }
  const of = { sessionId: 's', acpId: 'acp', source: 'test' }
  const view = new SessionView({ ...of, newId: () => 'id', onOpenTasks() {} }, port as never)
  const session = new LiveSession({
    ...{ ...of, view, peer: peer as never },
    onUnstoppable: () => told.push('kill'),
    exit: async () => 'exit code 1',
  })
  const run = () => {
    const [interrupt, force] = [new AbortController(), new AbortController()]
    const made = { ...port, commandId: 'c', signal: interrupt.signal, force: force.signal, typing() {} }
    const outcome = session.prompt(made as never, [])
    return { outcome, interrupt: () => interrupt.abort(), force: () => force.abort() }
  }
  const say = () => session.apply({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: 'x' } })
  const turnBegins = () => new Promise(resolve => setImmediate(resolve))
  return { session, told, asked, gone, run, say, turnBegins, fill: () => (isFull = true) }
}

test('a turn whose output can no longer be stored fails instead of succeeding with a gap', async t => {
  const { run, say, fill, asked, told, turnBegins } = start()
  const { outcome } = run()
  await turnBegins()
  say()
  fill()
  say()
  say()
  t.same(told, ['prompt', 'cancel'], 'the program is asked to stop once')
  asked[0]!.resolve({ stopReason: 'end_turn' })
  t.match(await outcome, { status: 'failed', error: { code: 'outbox_full', message: 'the outbox is full' } })
})

test('prompts run one after the other, and a waiting prompt is cancelled without the program', async t => {
  const { run, asked, told, turnBegins, session } = start()
  const [first, second, third] = [run(), run(), run()]
  await turnBegins()
  second.interrupt()
  t.same(await second.outcome, { status: 'cancelled' })
  t.same(told, ['prompt'])
  asked[0]!.resolve({ stopReason: 'end_turn' })
  t.match(await first.outcome, { status: 'succeeded' })
  await turnBegins()
  t.same(told, ['prompt', 'prompt'])
  t.notOk(session.isIdle)
  asked[1]!.resolve({ stopReason: 'refusal' })
  t.match(await third.outcome, { status: 'failed', error: { code: 'refusal' } })
  t.ok(session.isIdle)
})

test('every way to end a turn has its outcome', async t => {
  const ends = async (
    answer: (asked: ReturnType<typeof start>['asked'][0]) => void,
    before = (_: ReturnType<typeof run>) => {},
  ) => {
    const started = run()
    await turnBegins()
    before(started)
    answer(asked.pop()!)
    return started.outcome
  }
  const { run, asked, told, turnBegins, gone, session } = start()
  const error = Object.assign(new Error('Internal error'), { code: -32603, data: { details: 'no tokens left' } })
  t.match(await ends(({ resolve }) => resolve({ stopReason: 'max_tokens' })), {
    status: 'failed',
    error: { code: 'max_tokens' },
  })
  t.match(await ends(({ resolve }) => resolve({ stopReason: 'cancelled' })), {
    status: 'cancelled',
    detail: /by itself/,
  })
  t.match(await ends(({ resolve }) => resolve({ stopReason: '_new' })), { status: 'failed', error: { code: '_new' } })
  t.match(await ends(({ resolve }) => resolve(null)), { status: 'failed', error: { code: 'no_stop_reason' } })
  t.match(await ends(({ reject }) => reject(error)), {
    status: 'failed',
    error: { code: 'program_error', message: 'Internal error: no tokens left' },
  })
  const interrupted = (started: ReturnType<typeof run>) => started.interrupt()
  t.same(await ends(({ resolve }) => resolve({ stopReason: 'cancelled' }), interrupted), { status: 'cancelled' })
  t.match(await ends(({ reject }) => reject(error), interrupted), { status: 'cancelled', detail: /no tokens left/ })
  t.match(
    await ends(({ resolve }) => resolve({ stopReason: 'end_turn' }), interrupted),
    { status: 'succeeded' },
    'the program had already finished',
  )
  told.length = 0
  const forced = (started: ReturnType<typeof run>) => {
    started.interrupt()
    started.force()
    gone.abort()
  }
  t.match(await ends(({ reject }) => reject(new Error('closed')), forced), {
    status: 'cancelled',
    detail: /exit code 1/,
  })
  t.same(told, ['prompt', 'cancel', 'kill'])
  t.match(await run().outcome, {
    status: 'failed',
    error: { code: 'program_ended', message: /before it got the prompt/ },
  })
  await session.stop()
  t.same(await run().outcome, { status: 'cancelled' }, 'the agent ends')
})

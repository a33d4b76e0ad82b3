import type { InteractionAnswer } from '@fleetwire/client/node'
import t from 'tap'
import { type CurrentRun, ReportDesk, type Spokesman } from '../../../src/report/report-desk.ts'
import { readReportLine } from '../../../src/report/report-line.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

function desk({ run, refuse }: { run?: CurrentRun | undefined; refuse?: Error } = {}) {
  const clock = new FakeClock()
  const reported: { type: string; payload: Record<string, unknown> }[] = []
  const statuses: string[] = []
  const asked: { payload: object; answer: (answer: InteractionAnswer) => void }[] = []
  const listeners = new Set<() => void>()
  const status = {
    value: { state: 'online' } as { state: string; downSince?: number },
    subscribe: (listener: () => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const agent: Spokesman = {
    report: (type, payload) => {
      if (refuse) throw refuse
      reported.push({ type, payload })
    },
    ask: (payload, { signal }) =>
      new Promise((answer, reject) => {
        asked.push({ payload, answer })
        signal?.addEventListener('abort', () => reject(signal.reason))
      }),
    status,
  }
  let current = run
  const listener = {
    reported: ({ work, detail = '' }: { work: string; detail?: string }) =>
      void statuses.push(`${work} ${detail}`.trim()),
    heard: () => {},
    asks: (detail: string) => {
      statuses.push(`asks ${detail}`)
      return () => void statuses.push(`asked ${detail}`)
    },
  }
  const made = new ReportDesk({
    agent,
    clock,
    newId: prefix => `${prefix}_id`,
    run: () => current,
    listener: () => listener,
  })
  const gone = new AbortController()
  return {
    clock,
    desk: made,
    reported,
    statuses,
    asked,
    gone,
    listeners,
    runs: (run: CurrentRun | undefined) => {
      current = run
    },
    link: (state: string, downSince?: number) => {
      status.value = { state, ...(downSince !== undefined && { downSince }) }
      for (const listener of listeners) listener()
    },
    take: (type: string, payload: object, patienceMs?: number) => {
      const read = readReportLine(JSON.stringify({ type, payload }), {
        sessionId: made.sessionId,
        source: 's',
        newId: prefix => `${prefix}_id`,
        command: current,
      })
      if (!read.ok) throw new Error(read.message)
      return made.take(read.frame, { signal: gone.signal, ...(patienceMs !== undefined && { patienceMs }) })
    },
  }
}

const running = (sessionId?: string, commandId = 'cmd_1'): CurrentRun & { told: object[] } => {
  const told: object[] = []
  return { commandId, attempt: 1, sessionId, taskId: undefined, progress: progress => void told.push(progress), told }
}

t.test('without a command, reports go to the session that the program names, or to its own', async t => {
  const { take, reported } = desk()
  await take('message:start', { messageId: 'a' })
  await take('message:start', { messageId: 'b', sessionId: 'conversation' })
  await take('message:end', { messageId: 'b', sessionId: 'conversation' })
  t.same(
    reported.map(({ payload }) => payload),
    [
      { sessionId: 'ses_id', messageId: 'a' },
      { sessionId: 'conversation', messageId: 'b' },
      { sessionId: 'conversation', messageId: 'b' },
    ],
  )
})

t.test('reports during a command name it and go to its session; what began earlier stays where it began', async t => {
  const { take, reported, runs } = desk()
  await take('tool:start', { toolCallId: 'early', name: 'Bash', sessionId: 'conversation' })
  runs(running('thread'))
  await take('message:start', { messageId: 'm', sessionId: 'conversation' })
  await take('tool:end', { toolCallId: 'early', sessionId: 'conversation' })
  runs(undefined)
  await take('message:end', { messageId: 'm', sessionId: 'conversation', text: 'x' })
  runs(running(undefined, 'cmd_2'))
  await take('message:start', { messageId: 'n', sessionId: 'conversation' })
  await take('session:end', { sessionId: 'conversation' })
  t.match(reported.slice(1), [
    { payload: { sessionId: 'thread', commandId: 'cmd_1' } },
    { payload: { sessionId: 'conversation', toolCallId: 'early', commandId: undefined } },
    { payload: { sessionId: 'thread', commandId: 'cmd_1', text: 'x' } },
    { payload: { sessionId: 'conversation', commandId: 'cmd_2' } },
    { type: 'session:end', payload: { sessionId: 'conversation', commandId: undefined } },
  ])
})

t.test('a prompt that arrived through a session is already in it, so the program’s echo is dropped', async t => {
  const said = async (run: CurrentRun | undefined, text: string, role = 'user') => {
    const { take, reported } = desk({ run })
    await take('message:start', { messageId: 'm', role })
    for (const delta of text) await take('message:delta', { messageId: 'm', delta })
    await take('message:end', { messageId: 'm' })
    return reported
      .map(({ payload }) => payload.delta)
      .filter(delta => delta !== undefined)
      .join('')
  }
  const run = { ...running('thread'), prompt: 'Add it.\n' }
  t.equal(await said(run, 'Add it.'), '')
  t.equal(await said(run, 'Add more.'), 'Add more.', 'a person typed it')
  t.equal(await said(run, 'Add it.', 'assistant'), 'Add it.')
  t.equal(await said({ ...run, sessionId: undefined }, 'Add it.'), 'Add it.', 'otherwise it would be missing')
  t.equal(await said(undefined, 'Add it.'), 'Add it.')
  const { take, reported } = desk({ run })
  await take('message:start', { messageId: 'm', role: 'user', text: 'An' })
  await take('message:end', { messageId: 'm', text: 'Another' })
  t.match(reported, [
    { type: 'message:start', payload: { role: 'user', sessionId: 'thread', commandId: 'cmd_1', text: undefined } },
    { type: 'message:delta', payload: { delta: 'Another', sessionId: 'thread', commandId: 'cmd_1' } },
    { type: 'message:end' },
  ])
})

t.test('a status goes to the judge, and idle ends the tool calls that were left open', async t => {
  const { take, reported, statuses } = desk()
  await take('tool:start', { toolCallId: 'a', name: 'Bash' })
  await take('tool:start', { toolCallId: 'b', name: 'Bash', sessionId: 's' })
  await take('tool:end', { toolCallId: 'a' })
  await take('message:start', { messageId: 'm' })
  await take('agent:status', { work: 'working', detail: 'Bash' })
  await take('agent:status', { work: 'idle' })
  t.same(statuses, ['working Bash', 'idle'])
  t.equal(reported.length, 5)
  t.match(reported.at(-1), {
    type: 'tool:end',
    payload: { toolCallId: 'b', sessionId: 's', error: { code: 'abandoned' } },
  })
})

t.test('progress goes to the run', async t => {
  const run = running()
  const { take } = desk({ run })
  t.same(await take('command:progress', { progress: 0.5, message: 'half' }), { ok: true })
  t.same(run.told, [{ progress: 0.5, message: 'half' }])
})

t.test('the last complete answer to a command is available', async t => {
  const { take, desk: made, runs } = desk({ run: running() })
  await take('message:start', { messageId: 'u', role: 'user' })
  await take('message:end', { messageId: 'u', text: 'question' })
  await take('message:start', { messageId: 'a' })
  await take('message:delta', { messageId: 'a', delta: 'one ' })
  await take('message:delta', { messageId: 'a', delta: 'two' })
  t.equal(made.answerTo('cmd_1'), undefined)
  await take('message:end', { messageId: 'a' })
  t.equal(made.answerTo('cmd_1'), 'one two')
  await take('message:start', { messageId: 'b' })
  await take('message:end', { messageId: 'b', text: 'three' })
  t.equal(made.answerTo('cmd_1'), 'three')
  for (let i = 0; i < 20; i++) {
    runs(running(undefined, `later_${i}`))
    await take('message:start', { messageId: 'x' })
    await take('message:end', { messageId: 'x', text: 'x' })
  }
  t.equal(made.answerTo('cmd_1'), undefined, 'only for the last few commands')
  t.equal(made.answerTo('later_19'), 'x')
})

t.test('a question names the command, and its answer is returned', async t => {
  const { take, asked, statuses, listeners } = desk({ run: running('thread') })
  const reply = take('interaction:request', { title: 'Go?', interactionId: 'int_1' }, 1000)
  t.match(asked[0]?.payload, { interactionId: 'int_1', commandId: 'cmd_1', sessionId: 'thread', title: 'Go?' })
  asked[0]?.answer({ interactionId: 'int_1', optionId: 'yes' })
  t.same(await reply, { ok: true, answer: { interactionId: 'int_1', optionId: 'yes' } })
  t.same(statuses, ['asks Go?', 'asked Go?'])
  t.equal(listeners.size, 0)
})

t.test('a question whose asker is gone closes for everybody', async t => {
  const { take, gone, reported, statuses } = desk()
  const reply = take('interaction:request', { title: 'Go?', interactionId: 'int_1' })
  gone.abort()
  t.match(await reply, { ok: false, error: { code: 'unavailable' } })
  t.match(reported, [
    { type: 'interaction:resolved', payload: { interactionId: 'int_1', text: /in the program itself/ } },
  ])
  t.same(statuses, ['asks Go?', 'asked Go?'])
})

t.test('an impatient question ends when the server is away too long, a patient one does not', async t => {
  const { take, clock, link, reported, asked } = desk()
  const impatient = take('interaction:request', { title: 'Go?', interactionId: 'int_1' }, 10_000)
  let isSettled = false
  const patient = take('interaction:request', { title: 'Go?', interactionId: 'int_2' }).then(reply => {
    isSettled = true
    return reply
  })
  clock.advance(60_000)
  link('waiting')
  clock.advance(9000)
  link('online')
  clock.advance(60_000)
  link('waiting')
  t.equal(reported.length, 0)
  clock.advance(10_000)
  t.match(await impatient, { ok: false, error: { code: 'unavailable', message: /server cannot be reached/ } })
  t.match(reported, [
    { type: 'interaction:resolved', payload: { interactionId: 'int_1', text: /unreachable for too long/ } },
  ])
  clock.advance(1_000_000)
  t.equal(isSettled, false)
  asked[1]?.answer({ interactionId: 'int_2' })
  t.match(await patient, { ok: true })
  t.equal(clock.pending, 0)
})

t.test('a server that was already away gets a short grace period, one that refused this agent none', async t => {
  const { take, clock, link } = desk()
  link('waiting', clock.now())
  clock.advance(100_000)
  let isSettled = false
  const reply = take('interaction:request', { title: 'Go?' }, 30_000).finally(() => {
    isSettled = true
  })
  clock.advance(2900)
  await Promise.resolve()
  t.equal(isSettled, false)
  clock.advance(100)
  t.match(await reply, { ok: false, error: { code: 'unavailable' } })
  link('stopped')
  t.match(await take('interaction:request', { title: 'Go?' }, 30_000), { ok: false, error: { code: 'unavailable' } })
})

t.test('a question about a command that has ended is over', async t => {
  const { take, desk: made, runs, reported, statuses, asked } = desk({ run: running() })
  const first = take('interaction:request', { title: 'Go?', interactionId: 'int_1' })
  runs(undefined)
  const other = take('interaction:request', { title: 'And?', interactionId: 'int_2' })
  made.runEnded('cmd_1')
  t.match(await first, { ok: false, error: { code: 'conflict', message: /has ended/ } })
  t.same(reported, [], 'the server knows already')
  t.same(statuses, ['asks Go?', 'asks And?', 'asked Go?'])
  asked[1]?.answer({ interactionId: 'int_2' })
  t.match(await other, { ok: true })
})

t.test('reports that the agent cannot accept are refused with the codes of the protocol', async t => {
  for (const [thrown, code] of [
    ['outbox_full', 'queue_full'],
    ['frame_too_large', 'too_large'],
    ['stopped', 'unavailable'],
    ['other', 'unavailable'],
  ] as const) {
    const { take } = desk({ refuse: Object.assign(new Error('no'), { code: thrown }) })
    t.same(await take('message:start', { messageId: 'm' }), { ok: false, error: { code, message: 'no' } })
  }
})

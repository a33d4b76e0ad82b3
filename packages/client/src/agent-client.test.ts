import { getEventListeners } from 'node:events'
import t, { type Test } from 'tap'
import type { CommandHandler } from './agent/command-run.ts'
import type { AgentClientOptions } from './agent-client.ts'
import { MemoryJournal } from './journal.ts'
import { AgentClient } from './node/index.ts'
import { limits, type Peer, ScriptedServer, welcomeAgent } from './testing/scripted-server.ts'
import { statusOf } from './testing/status-of.ts'

const dispatch = (commandId: string, attempt = 1, over: object = {}) =>
  ({ commandId, attempt, kind: 'shell', input: 'ls', runTimeoutMs: 0, ...over }) as const

/** A handler whose runs end when the test ends them. */
function manual() {
  const runs: { run: Parameters<CommandHandler>[0]; finish(output: string): void }[] = []
  const handler: CommandHandler = run =>
    new Promise((resolve, reject) => {
      runs.push({ run, finish: output => resolve({ status: 'succeeded', output }) })
      run.signal.addEventListener('abort', () => reject(new Error('interrupted')))
    })
  return { runs, handler }
}

async function start(t: Test, over: Partial<AgentClientOptions> = {}) {
  const server = await ScriptedServer.listen(t)
  const agent = new AgentClient({
    url: server.url,
    token: 'T',
    handlers: { shell: () => ({ status: 'succeeded', output: 'done' }) },
    random: () => 0,
    ...over,
  })
  t.after(() => agent.stop({ graceMs: 0 }))
  await agent.start()
  return { server, agent }
}

/** Waits until everything that the agent sent so far is in the peer's log. */
async function barrier(peer: Peer) {
  peer.tell('command:interrupt', { commandId: 'barrier', attempt: 1, force: false })
  for (;;) {
    const frame = await peer.next('command:result')
    if (frame.payload.commandId === 'barrier') return
  }
}

const reports = (peer: Peer) =>
  peer.log
    .filter(({ n }) => n !== undefined)
    .map(({ type, n, payload }) => [n, type, payload.commandId, payload.attempt])

t.test(
  'it asks for joined messages and handles each of their frames; a bad line does not affect the others',
  async t => {
    const { server } = await start(t, { maxConcurrency: 2 })
    const { peer, hello } = await welcomeAgent(server)
    t.equal(hello.payload.join, true)
    const commands = ['c1', 'c2'].map(id => ({ type: 'command:dispatch', payload: dispatch(id) }))
    peer.join([commands[0]!, '{"type":"command:dispatch","payload":{', '', commands[1]!], '\r\n')
    const results = [await peer.next('command:result'), await peer.next('command:result')]
    t.same(
      results.map(({ payload }) => payload.commandId),
      ['c1', 'c2'],
    )
  },
)

t.test('it introduces itself first, then runs a command: ack, report, result', async t => {
  const { server, agent } = await start(t, {
    name: 'Ada',
    labels: { team: 'x' },
    handlers: {
      shell: run => {
        run.progress({ progress: 0.5 })
        run.report('message:delta', { sessionId: 's', messageId: 'm', delta: 'hi' })
        return { status: 'succeeded', output: `ran ${run.input}`, exitCode: 0 }
      },
    },
  })
  const { peer, hello } = await welcomeAgent(server)
  t.equal(peer.request.headers.authorization, 'Bearer T')
  t.match(hello, {
    type: 'agent:connect',
    payload: {
      name: 'Ada',
      bootId: agent.bootId,
      connects: 1,
      capabilities: { kinds: ['shell'] },
      inventory: [],
      terminals: [],
    },
  })
  peer.tell('command:dispatch', dispatch('c1', 1, { taskId: 't1' }))
  const result = await peer.next('command:result')
  t.match(result, {
    n: 4,
    payload: { commandId: 'c1', attempt: 1, status: 'succeeded', output: 'ran ls', exitCode: 0 },
  })
  t.match(peer.log.slice(1), [
    { n: 1, type: 'command:ack' },
    { n: 2, type: 'command:progress', payload: { commandId: 'c1', attempt: 1, progress: 0.5 } },
    { n: 3, type: 'message:delta', payload: { commandId: 'c1', taskId: 't1', delta: 'hi' } },
    { n: 4, type: 'command:result' },
  ])
})

t.test('it acks only what is in the journal, even if the socket is cut in between', async t => {
  const { runs, handler } = manual()
  const journal = new MemoryJournal()
  const writing: (() => void)[] = []
  const accepted = journal.accepted.bind(journal)
  journal.accepted = async command => {
    await new Promise<void>(resolve => writing.push(resolve))
    await accepted(command)
  }
  const { server, agent } = await start(t, { handlers: { shell: handler }, journal })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1'))
  await barrier(peer)
  t.equal(writing.length, 1)
  t.same(
    peer.log.filter(({ type }) => type === 'command:ack'),
    [],
    'not on disk: no ack',
  )
  peer.cut()
  await statusOf(agent, 'connecting')
  writing[0]!()
  const { peer: second, hello } = await welcomeAgent(server)
  t.same(hello.payload.inventory, [{ commandId: 'c1', attempt: 1, state: 'running' }])
  t.match(await second.next('command:ack'), { payload: { commandId: 'c1', attempt: 1 } })
  t.equal(runs.length, 1)
})

t.test('a command that cannot be written down is neither acked nor run', async t => {
  const journal = new MemoryJournal()
  journal.accepted = () => Promise.reject(new Error('disk full'))
  const { runs, handler } = manual()
  const { server } = await start(t, { handlers: { shell: handler }, journal })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1'))
  t.match(await peer.next('agent:error'), { payload: { code: 'journal_failed', message: /disk full/ } })
  t.equal(runs.length, 0)
  t.same(
    peer.log.filter(({ type }) => type === 'command:ack'),
    [],
  )
})

t.test('results from offline times are delivered once', async t => {
  const { runs, handler } = manual()
  const { server, agent } = await start(t, { handlers: { shell: handler } })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1'))
  await peer.next('command:ack')
  peer.tell('report:ack', { n: 1 })
  peer.cut()
  await statusOf(agent, 'connecting')
  runs[0]!.finish('offline')
  const second = await server.accept()
  const hello = await second.next('agent:connect')
  t.match(hello.payload.inventory, [{ commandId: 'c1', state: /running|finished/ }])
  second.cut()
  // The inventory says finished, but the server lacks the result: `resend` must not duplicate the one in the outbox.
  const { peer: third } = await welcomeAgent(server, {
    ackedN: 1,
    directives: [{ commandId: 'c1', action: 'resend' }],
  })
  t.match(await third.next('command:result'), { n: 2, payload: { commandId: 'c1', output: 'offline' } })
  await barrier(third)
  t.same(reports(third), [
    [2, 'command:result', 'c1', 1],
    [3, 'command:result', 'barrier', 1],
  ])
})

t.test('a redelivered command is acked with the new attempt and runs once', async t => {
  const { runs, handler } = manual()
  const { server } = await start(t, { handlers: { shell: handler } })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1', 1))
  await peer.next('command:ack')
  peer.tell('command:dispatch', dispatch('c1', 2))
  t.match(await peer.next('command:ack'), { payload: { attempt: 2 } })
  t.equal(runs.length, 1)
  runs[0]!.finish('once')
  t.match(await peer.next('command:result'), { payload: { attempt: 2, output: 'once' } })
  peer.tell('report:ack', { n: 3 })
  peer.tell('command:dispatch', dispatch('c1', 3))
  t.match(await peer.next('command:ack'), { payload: { attempt: 3 } })
  t.match(await peer.next('command:result'), { payload: { attempt: 3, output: 'once' } }, 'also when it had finished')
  t.equal(runs.length, 1)
  peer.tell('command:dispatch', dispatch('c1', 4, { rerun: true }))
  t.match(await peer.next('command:ack'), { payload: { attempt: 4 } })
  t.equal(runs.length, 2, 'a rerun is another run')
})

t.test('it rejects commands that it cannot take', async t => {
  const { handler } = manual()
  const { server } = await start(t, { handlers: { shell: handler } })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1'))
  peer.tell('command:dispatch', dispatch('c2'))
  t.match(await peer.next('command:reject'), { payload: { commandId: 'c2', attempt: 1, reason: 'busy' } })
  peer.tell('command:dispatch', dispatch('c3', 1, { kind: 'prompt' }))
  t.match(await peer.next('command:reject'), {
    payload: {
      commandId: 'c3',
      reason: 'unsupported',
      message: 'This agent accepts commands of kind "shell", not "prompt".',
    },
  })
  peer.tell('command:dispatch', dispatch('c4', 1, { kind: 'constructor' }))
  t.match(await peer.next('command:reject'), { payload: { commandId: 'c4', reason: 'unsupported' } })
})

t.test('an interrupt reaches the run, force is a second step, and a heartbeat can carry both', async t => {
  const seen: string[] = []
  const { server } = await start(t, {
    maxConcurrency: 2,
    handlers: {
      shell: run =>
        new Promise((_, reject) => {
          run.signal.addEventListener('abort', () => seen.push(`signal ${run.commandId}`))
          run.force.addEventListener('abort', () => reject(new Error('killed')))
          if (run.commandId === 'c2') run.signal.addEventListener('abort', () => reject(new Error('stopped')))
        }),
    },
  })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1'))
  peer.tell('command:dispatch', dispatch('c2'))
  await peer.next('command:ack')
  await peer.next('command:ack')
  peer.tell('command:interrupt', { commandId: 'c1', attempt: 1, force: false })
  peer.tell('command:interrupt', { commandId: 'c1', attempt: 1, force: false })
  peer.tell('command:interrupt', { commandId: 'c1', attempt: 1, force: true })
  t.match(await peer.next('command:result'), { payload: { commandId: 'c1', status: 'cancelled', error: 'killed' } })
  peer.tell('heartbeat', { cancel: ['c2'] })
  t.match(await peer.next('command:result'), { payload: { commandId: 'c2', status: 'cancelled', error: 'stopped' } })
  t.same(seen, ['signal c1', 'signal c2'])
})

t.test(
  'an interrupt of a command that is not here is confirmed, and the dispatch that it overtook does not start',
  async t => {
    const { runs, handler } = manual()
    const { server } = await start(t, { handlers: { shell: handler } })
    const { peer } = await welcomeAgent(server)
    peer.tell('command:interrupt', { commandId: 'c1', attempt: 1, force: false })
    t.match(await peer.next('command:result'), { payload: { commandId: 'c1', attempt: 1, status: 'cancelled' } })
    peer.tell('command:dispatch', dispatch('c1', 1))
    t.match(await peer.next('command:result'), { payload: { commandId: 'c1', attempt: 1, status: 'cancelled' } })
    t.equal(runs.length, 0)
    peer.tell('heartbeat', { cancel: ['c9'] })
    t.match(await peer.next('command:result'), { payload: { commandId: 'c9', attempt: 1, status: 'cancelled' } })
  },
)

t.test('an interrupt while the journal is being written ends the command before it begins', async t => {
  const { runs, handler } = manual()
  const journal = new MemoryJournal()
  const writing: (() => void)[] = []
  journal.accepted = () => new Promise(resolve => writing.push(resolve))
  const { server } = await start(t, { handlers: { shell: handler }, journal })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1'))
  peer.tell('command:interrupt', { commandId: 'c1', attempt: 1, force: false })
  await barrier(peer)
  writing[0]!()
  t.match(await peer.next('command:ack'), { payload: { commandId: 'c1' } })
  t.match(await peer.next('command:result'), { payload: { commandId: 'c1', status: 'cancelled' } })
  t.equal(runs.length, 0)
})

t.test('a handler that throws, or returns no valid outcome, makes the command failed', async t => {
  const endings: Record<string, CommandHandler> = {
    throws: () => Promise.reject(new Error('no such file')),
    nothing: (() => undefined) as unknown as CommandHandler,
    cycle: () => {
      const output: Record<string, unknown> = {}
      output.self = output
      return { status: 'succeeded', output }
    },
    huge: () => ({ status: 'succeeded', output: '\u001b'.repeat(1_000_000), exitCode: 3 }),
  }
  const { server } = await start(t, { handlers: endings })
  const { peer } = await welcomeAgent(server)
  const run = async (kind: string) => {
    peer.tell('command:dispatch', dispatch(kind, 1, { kind }))
    return (await peer.next('command:result')).payload
  }
  t.match(await run('throws'), { status: 'failed', error: 'no such file' })
  t.match(await run('nothing'), { status: 'failed', error: { code: 'no_outcome' } })
  t.match(await run('cycle'), { status: 'failed', error: { code: 'not_json' } })
  t.match(await run('huge'), { status: 'succeeded', output: /characters cut/, exitCode: 3 })
})

t.test('reports are numbered, kept until acked, and sent again in order from there', async t => {
  const { server, agent } = await start(t)
  for (let i = 1; i <= 3; i++) agent.report('agent:error', { message: `e${i}` })
  const { peer } = await welcomeAgent(server)
  await barrier(peer)
  t.same(
    reports(peer).map(([n]) => n),
    [1, 2, 3, 4],
  )
  peer.tell('report:ack', { n: 2 })
  peer.cut()
  agent.report('agent:error', { message: 'e5' })
  const { peer: second, hello } = await welcomeAgent(server, { ackedN: 2 })
  t.equal(hello.payload.bootId, agent.bootId, 'the same line goes on')
  await barrier(second)
  t.same(
    second.log.filter(({ n }) => n).map(({ n, payload }) => [n, payload.message ?? payload.commandId]),
    [
      [3, 'e3'],
      [4, 'barrier'],
      [5, 'e5'],
      [6, 'barrier'],
    ],
  )
})

t.test('after a gap it sends again from the acked number on, once', async t => {
  const { server, agent } = await start(t)
  const { peer } = await welcomeAgent(server)
  for (let i = 1; i <= 4; i++) agent.report('agent:error', { message: `e${i}` })
  await barrier(peer)
  peer.tell('report:ack', { n: 1 })
  const gap = { code: 'gap', message: 'n 2 is missing', retryable: true } as const
  for (let i = 0; i < 3; i++) peer.tell('error', gap)
  await barrier(peer)
  t.same(
    reports(peer).map(([n]) => n),
    [1, 2, 3, 4, 5, 2, 3, 4, 5, 6],
  )
})

t.test('a server that lost what it had acked gets numbers without a gap', async t => {
  const { server, agent } = await start(t)
  const { peer } = await welcomeAgent(server)
  for (let i = 1; i <= 3; i++) agent.report('agent:error', { message: `e${i}` })
  await barrier(peer)
  peer.tell('report:ack', { n: 3 })
  peer.cut()
  agent.report('agent:error', { message: 'later' })
  const { peer: second } = await welcomeAgent(server, { ackedN: 1 })
  t.match(await second.next('agent:error'), { n: 3, payload: { message: 'later' } })
  t.same(
    reports(second).map(([n]) => n),
    [2, 3],
  )
})

t.test('a server that was put back dispatches what has ended: it gets the result behind the dispatch', async t => {
  const { server } = await start(t)
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1'))
  const result = await peer.next('command:result')
  peer.cut()
  const { peer: later } = await welcomeAgent(server)
  // The result arrives before the dispatch, while the server's command still waits: it is `stale`, and so consumed.
  const early = await later.next('command:result')
  later.tell('command:dispatch', dispatch('c1'))
  const again = await later.next('command:result')
  for (const { payload } of [early, again]) t.same(payload, result.payload)
  t.same(
    reports(later).map(([, type]) => type),
    ['command:ack', 'command:result', 'command:ack', 'command:result'],
  )
})

t.test('it follows the directives forget, resend and cancel', async t => {
  const { runs, handler } = manual()
  const journal = new MemoryJournal()
  const { server } = await start(t, { handlers: { shell: handler }, journal, maxConcurrency: 2 })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('done'))
  await peer.next('command:ack')
  runs[0]!.finish('x')
  await peer.next('command:result')
  peer.tell('command:dispatch', dispatch('runs'))
  await peer.next('command:ack')
  peer.tell('report:ack', { n: 3 })
  peer.cut()
  const { peer: second, hello } = await welcomeAgent(server, {
    ackedN: 3,
    directives: [
      { commandId: 'done', action: 'resend' },
      { commandId: 'runs', action: 'cancel' },
    ],
  })
  t.same(hello.payload.inventory, [
    { commandId: 'runs', attempt: 1, state: 'running' },
    { commandId: 'done', attempt: 1, state: 'finished' },
  ])
  t.match(await second.next('command:result'), { payload: { commandId: 'done', output: 'x' } })
  t.match(await second.next('command:result'), { payload: { commandId: 'runs', status: 'cancelled' } })
  second.cut()
  const { peer: third } = await welcomeAgent(server, {
    ackedN: 5,
    directives: [
      { commandId: 'done', action: 'forget' },
      { commandId: 'runs', action: 'forget' },
    ],
  })
  await barrier(third)
  t.same(await journal.load(), [])
  third.cut()
  t.same((await welcomeAgent(server, { ackedN: 6 })).hello.payload.inventory, [])
})

t.test('an outbox over its limit refuses reports, and results still get through', async t => {
  const { server, agent } = await start(t, { outboxLimitBytes: 300 })
  agent.report('agent:error', { message: 'x'.repeat(200) })
  t.throws(() => agent.report('agent:error', { message: 'x'.repeat(200) }), { code: 'outbox_full' })
  t.throws(() => agent.report('agent:error', { message: 'x'.repeat(300_000) }), { code: 'frame_too_large' })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1'))
  await peer.next('command:result')
})

t.test('it asks a person and gets the answer; an interrupt ends the wait', async t => {
  const { server, agent } = await start(t, {
    handlers: {
      shell: async run => {
        const options = [{ id: 'yes', label: 'Yes', effect: 'allow' as const }]
        const of = { interactionId: `int_${run.commandId}`, commandId: run.commandId, title: 'May I?', options }
        const answer = await agent.ask({ ...of, kind: 'permission' }, { signal: run.signal })
        return { status: 'succeeded', output: answer.optionId }
      },
    },
  })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1'))
  await peer.next('interaction:request')
  peer.tell('interaction:answer', { interactionId: 'int_c1', optionId: 'yes' })
  t.match(await peer.next('command:result'), { payload: { status: 'succeeded', output: 'yes' } })
  peer.tell('command:dispatch', dispatch('c2'))
  await peer.next('interaction:request')
  peer.tell('command:interrupt', { commandId: 'c2', attempt: 1, force: false })
  t.match(await peer.next('command:result'), { payload: { commandId: 'c2', status: 'cancelled' } })
})

t.test(
  '[IN19] what it still waits for is asked again after a reconnect and a repeated dispatch, behind the ack',
  async t => {
    const { server, agent } = await start(t, {
      handlers: {
        shell: async run => {
          const options = [{ id: 'yes', label: 'Yes', effect: 'allow' as const }]
          const of = { interactionId: `int_${run.commandId}`, commandId: run.commandId, title: 'May I?', options }
          const { optionId } = await agent.ask({ ...of, kind: 'permission' }, { signal: run.signal })
          return { status: 'succeeded', output: optionId }
        },
      },
    })
    const { peer } = await welcomeAgent(server)
    peer.tell('command:dispatch', dispatch('c1'))
    const asked = await peer.next('interaction:request')
    peer.tell('command:dispatch', dispatch('c1', 2))
    t.same((await peer.next('interaction:request')).payload, asked.payload)
    await barrier(peer)
    t.same(
      reports(peer).map(([, type, , attempt]) => [type, attempt]),
      [
        ['command:ack', 1],
        ['interaction:request', undefined],
        ['command:ack', 2],
        ['interaction:request', undefined],
        ['command:result', 1],
      ],
    )
    peer.tell('report:ack', { n: 5 })
    peer.cut()
    const { peer: second } = await welcomeAgent(server, { ackedN: 5 })
    t.match(await second.next('interaction:request'), { n: 6, payload: asked.payload })
    second.tell('interaction:answer', { interactionId: 'int_c1', optionId: 'yes' })
    t.match(await second.next('command:result'), { payload: { commandId: 'c1', output: 'yes' } })
    second.tell('report:ack', { n: 7 })
    second.cut()
    const { peer: third } = await welcomeAgent(server, { ackedN: 7 })
    await barrier(third)
    t.notOk(third.log.some(({ type }) => type === 'interaction:request'))
  },
)

t.test('an interrupt that overtakes two dispatches of a command stops both', async t => {
  const { runs, handler } = manual()
  const { server } = await start(t, { handlers: { shell: handler } })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:interrupt', { commandId: 'c1', attempt: 2, force: false })
  for (const attempt of [1, 2]) peer.tell('command:dispatch', dispatch('c1', attempt))
  for (const attempt of [2, 1, 2])
    t.match(await peer.next('command:result'), { payload: { commandId: 'c1', attempt, status: 'cancelled' } })
  t.equal(runs.length, 0)
})

t.test('[RC9] a dispatch that comes again before its rejection is stored is rejected again', async t => {
  const { runs, handler } = manual()
  const { server } = await start(t, { handlers: { shell: handler } })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1'))
  await peer.next('command:ack')
  peer.tell('command:dispatch', dispatch('c2'))
  await peer.next('command:reject')
  runs[0]!.finish('done')
  await peer.next('command:result')
  peer.cut()
  const { peer: second } = await welcomeAgent(server, { ackedN: 1 })
  second.tell('command:dispatch', dispatch('c2'))
  t.match(await second.next('command:reject'), { n: 2 }, 'the first again')
  const again = await second.next('command:reject')
  t.match(again.payload, { commandId: 'c2', attempt: 1, reason: 'busy' })
  second.tell('report:ack', { n: again.n! })
  second.tell('command:dispatch', dispatch('c2'))
  t.match(await second.next('command:ack'), { payload: { commandId: 'c2' } })
})

t.test('[RC7] a rerun runs once in each attempt: one that comes twice is answered from the journal', async t => {
  const journal = new MemoryJournal()
  await journal.accepted(dispatch('orphan', 2))
  let count = 0
  const { server } = await start(t, {
    journal,
    handlers: { shell: () => ({ status: 'succeeded', output: String(++count) }) },
  })
  const { peer } = await welcomeAgent(server)
  const result = async (commandId: string, attempt: number) => {
    peer.tell('command:dispatch', dispatch(commandId, attempt, { rerun: true }))
    const { payload } = await peer.next('command:result')
    return [payload.commandId, payload.attempt, payload.output]
  }
  t.same(await result('c1', 1), ['c1', 1, '1'])
  t.same(await result('c1', 2), ['c1', 2, '2'])
  t.same(await result('c1', 2), ['c1', 2, '2'])
  peer.tell('command:dispatch', dispatch('orphan', 2, { rerun: true }))
  t.same(await result('orphan', 3), ['orphan', 3, '3'], 'the attempt that died with its process is not run')
})

t.test('a question that the server refuses is not waited for; one that it takes later is', async t => {
  const { server, agent } = await start(t)
  const { peer } = await welcomeAgent(server)
  const ask = (interactionId: string) => agent.ask({ interactionId, kind: 'permission', title: 'Well?', options: [] })
  const refused = ask('int_1')
  const { n } = await peer.next('interaction:request')
  peer.tell('error', { code: 'too_large', message: 'Too many are open.', retryable: false, details: { n } })
  await t.rejects(refused, { code: 'refused', message: 'Too many are open.' })
  const waiting = ask('int_2')
  const later = await peer.next('interaction:request')
  peer.tell('error', { code: 'rate_limited', message: 'Later.', retryable: true, details: { n: later.n } })
  peer.tell('error', { code: 'conflict', message: 'Another frame.', retryable: false, details: { n: 99 } })
  peer.tell('error', { code: 'conflict', message: 'No frame.', retryable: false })
  peer.tell('interaction:answer', { interactionId: 'int_2', optionId: 'yes' })
  t.match(await waiting, { optionId: 'yes' })
})

t.test('a signal that aborts after its question was answered does not touch a newer one with the same id', async t => {
  const { server, agent } = await start(t)
  const { peer } = await welcomeAgent(server)
  const question = { interactionId: 'int_1', kind: 'permission' as const, title: 'Well?', options: [] }
  const [earlier, later] = [new AbortController(), new AbortController()]
  const first = agent.ask(question, earlier)
  await peer.next('interaction:request')
  peer.tell('interaction:answer', { interactionId: 'int_1', optionId: 'yes' })
  t.match(await first, { optionId: 'yes' })
  t.equal(getEventListeners(earlier.signal, 'abort').length, 0)
  const second = agent.ask(question, later)
  earlier.abort()
  const third = agent.ask(question)
  later.abort(new Error('interrupted'))
  await t.rejects(second, { message: 'interrupted' })
  await peer.next('interaction:request')
  await peer.next('interaction:request')
  peer.tell('interaction:answer', { interactionId: 'int_1', optionId: 'no' })
  t.match(await third, { optionId: 'no' }, 'nor does that of one whose id was taken')
})

t.test('how a question ended is kept with the result of its run until the server has stored it', async t => {
  const journal = new MemoryJournal()
  const { runs, handler } = manual()
  const { server } = await start(t, { journal, maxConcurrency: 2, handlers: { shell: handler } })
  const { peer } = await welcomeAgent(server)
  const end = async (commandId: string, isStored: boolean) => {
    peer.tell('command:dispatch', dispatch(commandId))
    await peer.next('command:ack')
    const { run, finish } = runs.at(-1)!
    const interactionId = `int_${commandId}`
    const options = [{ id: 'yes', label: 'Yes', effect: 'allow' as const }]
    run.report('interaction:request', { interactionId, commandId, kind: 'permission', title: '?', options })
    run.report('interaction:applied', { interactionId: 'another' })
    run.report('interaction:applied', { interactionId })
    await peer.next('interaction:applied')
    const { n = 0 } = await peer.next('interaction:applied')
    if (isStored) peer.tell('report:ack', { n })
    await barrier(peer)
    finish('done')
    await peer.next('command:result')
  }
  await end('c1', true)
  await end('c2', false)
  const outcome = { status: 'succeeded', output: 'done' }
  const finished = { state: 'finished', attempt: 1, outcome, delivered: false }
  t.same(await journal.load(), [
    { ...finished, commandId: 'c1' },
    {
      ...finished,
      commandId: 'c2',
      interactions: [{ type: 'interaction:applied', payload: { interactionId: 'int_c2' } }],
    },
  ])
  peer.tell('command:dispatch', dispatch('c2', 2))
  await peer.next('command:result')
  t.match((await journal.load())[1], { attempt: 2, interactions: [{}] }, 'a newer attempt loses nothing')
})

t.test('a result of an earlier process is fitted to the limits of the server that it goes to', async t => {
  for (const [maxFrameBytes, isWhole] of [
    [1024 * 1024, true],
    [64 * 1024, false],
  ] as const) {
    const journal = new MemoryJournal()
    const outcome = { status: 'succeeded' as const, output: 'x'.repeat(400_000) }
    await journal.finished({ commandId: 'c1', attempt: 1, outcome })
    const { server } = await start(t, { journal })
    const { peer } = await welcomeAgent(server, { limits: { ...limits, maxFrameBytes } })
    const { payload } = await peer.next('command:result')
    t.equal(payload.output.length === 400_000, isWhole)
    t.equal(payload.outputTruncated ?? false, !isWhole)
  }
})

t.test('a terminal is announced with its size; another with the same id ends the first', async t => {
  const { server, agent } = await start(t)
  const { peer } = await welcomeAgent(server)
  const bytes = (text: string) => new TextEncoder().encode(text)
  agent.openTerminal({ terminalId: 'main', cols: 200, rows: 50 }).write(bytes('one'))
  await peer.next('terminal:output')
  agent.openTerminal({ terminalId: 'main', cols: 90, rows: 30 }).write(bytes('two'))
  t.match(await peer.next('terminal:output'), { payload: { offset: 0, data: 'two' } })
  t.match(
    peer.log
      .filter(({ type }) => type.startsWith('terminal:'))
      .map(({ type, payload }) => [type, payload.cols ?? payload.data]),
    [
      ['terminal:resize', 200],
      ['terminal:output', 'one'],
      ['terminal:exit', undefined],
      ['terminal:resize', 90],
      ['terminal:output', 'two'],
    ],
  )
})

t.test('stop interrupts, reports the exit last, and waits until it is stored', async t => {
  const { handler } = manual()
  const { server, agent } = await start(t, { handlers: { shell: handler } })
  const { peer } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('c1'))
  await peer.next('command:ack')
  const exit = { reason: 'crashed', exitCode: 137, signal: 'SIGKILL', message: 'out of memory' } as const
  const stopped = agent.stop(exit)
  t.match(await peer.next('command:result'), { n: 2, payload: { status: 'cancelled' } })
  const { n, payload } = await peer.next('agent:exit')
  t.equal(n, 3)
  t.same(payload, exit)
  peer.tell('report:ack', { n: 3 })
  await stopped
  t.equal(await peer.closed, 1000)
  t.throws(() => agent.report('agent:status', { work: 'idle' }), { code: 'stopped' })
})

t.test('after a newer connection replaced it, it stays away', async t => {
  const { server, agent } = await start(t)
  const { peer } = await welcomeAgent(server)
  await statusOf(agent, 'online')
  peer.socket.close(4409, 'replaced')
  t.match(await statusOf(agent, 'stopped'), { cause: { code: 4409 } })
})

import type { Command, EditCommandBody } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { type Caller, inProcess } from '../../../src/caller.ts'
import { deadlines, startFleet } from '../../helpers/fleet.ts'
import { temporaryFolder } from '../../helpers/log-folder.ts'
import { refuseAppends } from '../../helpers/refuse-appends.ts'
import { until } from '../../helpers/until.ts'

t.test(
  '[PM1] [PM13] submitting for an agent or a task that the caller cannot see is refused as if it did not exist',
  async t => {
    const fleet = await startFleet(t)
    await fleet.agent('a1').hello()
    await fleet.agent('b1').hello()
    await fleet.tasks.create({ taskId: 'theirs', fields: { title: 'theirs', agentId: 'b1' } })
    const narrow = { canSee: (agentId: string) => agentId === 'a1' }
    const submit = (agentId: string, taskId?: string, caller: Caller = narrow) =>
      fleet.commandQueue.submit(
        { agentId, kind: 'shell', input: 1, createdBy: 'me', ...(taskId && { taskId }) },
        caller,
      )
    t.match(await submit('a1'), { status: 'accepted' })
    const absent = (what: string, id: string) => ({
      status: 'refused',
      error: { code: 'not_found', message: `There is no ${what} "${id}".` },
    })
    t.match(await submit('b1'), absent('agent', 'b1'))
    t.match(await submit('nobody'), absent('agent', 'nobody'))
    t.match(await submit('a1', 'theirs'), absent('task', 'theirs'))
    t.match(await submit('a1', 'yet-to-come'), absent('task', 'yet-to-come'))
    t.match(await submit('a1', 'yet-to-come', inProcess), { status: 'accepted' })
    t.match(await submit('b1', 'theirs', inProcess), { status: 'accepted' })
  },
)

t.test('[CQ13] [CS29] a command goes from queued to its result, each step in the log', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const submitted = await fleet.submit('a1', { input: 'echo hi' })
  t.match(submitted, {
    ...{ priority: 0, whenBusy: 'enqueue', onLost: 'fail' },
    ...{ queueTtlMs: 24 * 3_600_000, runTimeoutMs: 0 },
  })
  const { commandId } = submitted
  const dispatch = await agent.next('command:dispatch')
  t.match(dispatch, { commandId, attempt: 1, kind: 'shell', input: 'echo hi', runTimeoutMs: 0 })
  agent.report('command:ack', { commandId, attempt: 1 })
  agent.report('command:progress', { commandId, attempt: 1, progress: 0.5, message: 'half' })
  agent.report('command:result', {
    commandId,
    attempt: 1,
    status: 'succeeded',
    output: 'hi',
    exitCode: 0,
    detail: 'as told',
  })
  await agent.acked(3)
  const types = fleet.events.filter(e => e.topic === `agents.a1.commands.${commandId}`).map(e => e.type)
  t.strictSame(types, [
    'command:queued',
    'command:dispatched',
    'command:running',
    'command:progress',
    'command:succeeded',
  ])
  t.match(await fleet.commandQueue.get(commandId), {
    status: 'succeeded',
    output: 'hi',
    exitCode: 0,
    detail: 'as told',
    attempt: 1,
    progress: { message: 'half' },
  })
  const list = await fleet.commandQueue.list({ limit: 10, status: ['succeeded'] })
  t.strictSame(
    list.items.map(c => c.commandId),
    [commandId],
  )
})

t.test('[CQ2] [CD1] commands run one at a time, in order, higher priority first', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const first = await fleet.submit('a1')
  await agent.next('command:dispatch')
  const second = await fleet.submit('a1')
  const third = await fleet.submit('a1')
  const urgent = await fleet.submit('a1', { priority: 5 })
  for (const { commandId } of [first, urgent, second, third]) {
    await agent.next('command:dispatch', d => d.commandId === commandId)
    agent.report('command:result', { commandId, attempt: 1, status: 'succeeded' })
  }
  await fleet.commandEvent(third.commandId, 'command:succeeded')
  const order = agent.sent
    .filter(f => f.type === 'command:dispatch')
    .map(f => (f.payload as { commandId: string }).commandId)
  t.strictSame(
    order,
    [first, urgent, second, third].map(c => c.commandId),
  )
})

/** An agent that runs one command, and others that wait in the order of submission. */
async function withQueue(t: Test, count: number) {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const running = await fleet.submit('a1')
  await agent.next('command:dispatch')
  const waiting: Command[] = []
  for (let i = 0; i < count; i++) waiting.push(await fleet.submit('a1', { input: i }))
  return {
    ...{ fleet, agent, running, waiting },
    edit: (i: number, changes: EditCommandBody) => fleet.commandQueue.edit(waiting[i]!.commandId, changes, inProcess),
    /** Ends the running command and the next ones; resolves with their inputs in the order of dispatch. */
    async drain(count: number): Promise<unknown[]> {
      const order: unknown[] = []
      const sent = new Set([running.commandId])
      let { commandId } = running
      while (order.length < count) {
        agent.report('command:result', { commandId, attempt: 1, status: 'succeeded' })
        const next = await agent.next('command:dispatch', d => !sent.has(d.commandId))
        commandId = next.commandId
        sent.add(commandId)
        order.push(next.input)
      }
      return order
    },
  }
}

t.test('[CQ15] a new priority reorders the queue, and runNext goes ahead of everything', async t => {
  const { edit, drain, fleet, waiting } = await withQueue(t, 5)
  t.match(await edit(3, { priority: 100 }), { status: 'ok', command: { priority: 100 } })
  t.match(await edit(4, { runNext: true }), { status: 'ok', command: { runNextAt: Number } })
  t.match(await edit(2, { runNext: true, priority: -100 }), { status: 'ok', command: { priority: -100 } })
  t.match(await edit(1, { runNext: true }), { status: 'ok' })
  t.match(await edit(1, { runNext: false }), { status: 'ok', command: { runNextAt: undefined } })
  t.match(await fleet.commandQueue.get(waiting[4]!.commandId), { runNextAt: Number })
  await fleet.submit('a1', { input: 'late', priority: 100 })
  t.same(await drain(6), [2, 4, 3, 'late', 0, 1])
})

t.test('[CQ15] many simultaneous moves all count, even after the clock was set back', async t => {
  const { edit, drain, fleet } = await withQueue(t, 6)
  await edit(5, { runNext: true })
  fleet.clock.jump(-3_600_000)
  const moved = await Promise.all([0, 1, 2, 3].map(i => edit(i, { runNext: true })))
  const times = moved.map(outcome => (outcome.status === 'ok' ? outcome.command.runNextAt : undefined))
  t.equal(new Set(times).size, 4, 'no two have the same position')
  const order = await drain(6)
  t.same(order.slice(0, 4).sort(), [0, 1, 2, 3])
  t.same(order.slice(4), [5, 4])
})

t.test('[CQ15] a command with whenBusy interrupt interrupts once it is first in the queue', async t => {
  const { fleet, agent, running, edit } = await withQueue(t, 1)
  await edit(0, { runNext: true })
  const hurried = await fleet.submit('a1', { whenBusy: 'interrupt' })
  t.notOk(agent.sent.some(({ type }) => type === 'command:interrupt'))
  const changes = { runNext: true }
  t.match(await fleet.commandQueue.edit(hurried.commandId, changes, inProcess), { status: 'ok' })
  t.match(await agent.next('command:interrupt'), { commandId: running.commandId })
})

t.test('[CD2] a command is sent only after its dispatch is stored', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const log = refuseAppends(fleet.log, ([draft]) => draft?.type === 'command:dispatched')
  const { commandId } = await fleet.submit('a1')
  await until(() => {
    agent.live(fleet.clock, 1000)
    return log.count >= 2
  })
  t.notOk(agent.sent.some(({ type }) => type === 'command:dispatch'))
  t.match(await fleet.commandQueue.get(commandId), { status: 'queued', attempt: 0 })
  log.accept()
  await until(() => {
    agent.live(fleet.clock, 1000)
    return agent.sent.some(({ type }) => type === 'command:dispatch')
  })
  t.match((await fleet.log.get(`agents.a1.commands.${commandId}`))?.payload, { status: 'dispatched', attempt: 1 })
})

t.test('[CD10] a deadline that the log refuses to store is retried until it is stored', async t => {
  type Fleet = Awaited<ReturnType<typeof startFleet>>
  const { ackDeadlineMs, leaseMs, cancelDeadlineMs } = deadlines
  const runs = async (fleet: Fleet, request = {}) => {
    const agent = fleet.agent('a1')
    await agent.hello()
    const { commandId } = await fleet.submit('a1', request)
    await agent.next('command:dispatch')
    agent.report('command:ack', { commandId, attempt: 1 })
    await agent.acked(1)
    return commandId
  }
  const cases: Record<string, [dueMs: number, type: string, begin: (fleet: Fleet) => Promise<string>]> = {
    'the time in the queue': [
      5000,
      'command:expired',
      async fleet => {
        const first = fleet.agent('a1')
        await first.hello({ maxConcurrency: 1 })
        await fleet.submit('a1')
        await first.next('command:dispatch')
        return (await fleet.submit('a1', { queueTtlMs: 5000 })).commandId
      },
    ],
    'the ack': [
      ackDeadlineMs,
      'command:queued',
      async fleet => {
        const agent = fleet.agent('a1')
        await agent.hello()
        const { commandId } = await fleet.submit('a1')
        await agent.next('command:dispatch')
        return commandId
      },
    ],
    'the lease': [leaseMs, 'command:lost', fleet => runs(fleet)],
    'the time of a run': [5000, 'command:cancelling', fleet => runs(fleet, { runTimeoutMs: 5000 })],
    'an interrupt that is not confirmed': [
      cancelDeadlineMs + 5000,
      'command:cancelled',
      async fleet => {
        const commandId = await runs(fleet)
        await fleet.commandQueue.interrupt(commandId, { canSee: () => true })
        return commandId
      },
    ],
  }
  for (const [name, [dueMs, type, begin]] of Object.entries(cases)) {
    const fleet = await startFleet(t, { dir: temporaryFolder(t) })
    const commandId = await begin(fleet)
    const from = fleet.events.length
    const log = refuseAppends(fleet.log, ([draft]) => draft?.topic.endsWith(`.${commandId}`) === true)
    fleet.clock.advance(dueMs)
    await until(() => {
      fleet.clock.advance(1000)
      return log.count >= 3
    })
    t.notOk(
      fleet.events.slice(from).some(event => event.topic.endsWith(`.${commandId}`)),
      name,
    )
    log.accept()
    await until(() => {
      fleet.clock.advance(1000)
      return fleet.events.slice(from).some(event => event.topic.endsWith(`.${commandId}`))
    })
    t.match(
      fleet.events.slice(from).find(event => event.topic.endsWith(`.${commandId}`)),
      { type },
      name,
    )
    await fleet.stop()
  }
})

t.test('[CD1] the agent sets its concurrency', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello({ maxConcurrency: 3 })
  const commands = await Promise.all(Array.from({ length: 5 }, () => fleet.submit('a1')))
  await agent.until(() => (agent.sent.filter(f => f.type === 'command:dispatch').length === 3 ? true : undefined))
  agent.report('command:result', { commandId: commands[0]!.commandId, attempt: 1, status: 'succeeded' })
  await agent.until(() => (agent.sent.filter(f => f.type === 'command:dispatch').length === 4 ? true : undefined))
})

t.test('[CQ7] [CQ8] [CQ9] an idempotency key identifies one command', async t => {
  const fleet = await startFleet(t)
  await fleet.agent('a1').hello()
  const request = {
    agentId: 'a1',
    kind: 'shell',
    input: { b: 1, a: 2 },
    createdBy: 'me',
    idempotencyKey: 'order 66 / ü',
  }
  const results = await Promise.all(Array.from({ length: 20 }, () => fleet.commandQueue.submit(request)))
  const ids = new Set(results.map(r => (r.status === 'refused' ? r.error.code : r.command.commandId)))
  t.equal(ids.size, 1)
  t.equal(results.filter(r => r.status === 'accepted').length, 1)
  t.match(
    await fleet.commandQueue.submit({ ...request, input: { a: 2, b: 1 } }),
    { status: 'replayed' },
    'the order of fields does not matter',
  )
  t.match(await fleet.commandQueue.submit({ ...request, input: 'other' }), {
    status: 'refused',
    error: { code: 'conflict' },
  })
  fleet.clock.jump(25 * 3_600_000)
  t.match(
    await fleet.commandQueue.submit({ ...request, input: 'other' }),
    { status: 'refused', error: { code: 'conflict' } },
    'a jump of the wall clock frees no key',
  )
})

t.test(
  '[CQ4] [CQ5] [CQ6] [LM4] refusals: unknown agent, input too large or too deep, full queue, busy agent',
  async t => {
    const fleet = await startFleet(t, { queueLimit: 3 })
    const agent = fleet.agent('a1')
    t.match(await fleet.commandQueue.submit({ agentId: 'nobody', kind: 'shell', input: '', createdBy: 'me' }), {
      error: { code: 'not_found' },
    })
    await agent.hello()
    const base = { agentId: 'a1', kind: 'shell', createdBy: 'me' }
    t.match(await fleet.commandQueue.submit({ ...base, input: 'x'.repeat(65_537) }), { error: { code: 'too_large' } })
    let deep: unknown = 1
    for (let i = 0; i < 20_000; i++) deep = [deep]
    t.match(await fleet.commandQueue.submit({ ...base, input: deep }), { status: 'refused' })
    t.match(
      await fleet.commandQueue.submit({ ...base, input: 1, whenBusy: 'reject' }),
      { status: 'accepted' },
      'an idle agent is not busy',
    )
    await agent.next('command:dispatch')
    t.match(await fleet.commandQueue.submit({ ...base, input: 1, whenBusy: 'reject' }), { error: { code: 'conflict' } })
    const results = await Promise.all(Array.from({ length: 6 }, () => fleet.commandQueue.submit({ ...base, input: 1 })))
    t.equal(results.filter(r => r.status === 'accepted').length, 3)
    t.equal(results.filter(r => r.status === 'refused' && r.error.code === 'queue_full').length, 3)
  },
)

t.test(
  '[CQ11] [CD6] [CD8] an interrupt ends a queued command at once, a running one when the agent confirms; those behind continue',
  async t => {
    const fleet = await startFleet(t)
    const agent = fleet.agent('a1')
    await agent.hello()
    const running = await fleet.submit('a1')
    const queued = await fleet.submit('a1')
    const behind = await fleet.submit('a1')
    const by = { canSee: () => true }
    await agent.next('command:dispatch')
    agent.report('command:ack', { commandId: running.commandId, attempt: 1 })
    await fleet.commandEvent(running.commandId, 'command:running')

    t.match(await fleet.commandQueue.interrupt(queued.commandId, by), {
      affected: true,
      command: { status: 'cancelled', confirmed: true },
    })
    t.match(await fleet.commandQueue.interrupt(queued.commandId, by), {
      affected: false,
      command: { status: 'cancelled' },
    })
    t.match(await fleet.commandQueue.interrupt(running.commandId, by), {
      affected: true,
      command: { status: 'running', phase: 'cancelling' },
    })
    t.match(await fleet.commandQueue.interrupt(running.commandId, by), { affected: false })
    t.match(await agent.next('command:interrupt'), { commandId: running.commandId, attempt: 1, force: false })
    agent.raw('heartbeat', { running: [running.commandId] })
    t.strictSame(await agent.next('heartbeat'), { cancel: [running.commandId] }, 'repeated with each heartbeat')
    agent.report('command:result', { commandId: running.commandId, attempt: 1, status: 'cancelled' })
    t.match(await fleet.commandEvent(running.commandId, 'command:cancelled'), { confirmed: true })
    await agent.next('command:dispatch', d => d.commandId === behind.commandId)
    t.match(await fleet.commandQueue.interrupt('cmd_x', by), { error: { code: 'not_found' } })
    t.match(await fleet.commandQueue.interrupt(behind.commandId, { canSee: () => false }), {
      error: { code: 'not_found' },
    })
  },
)

t.test('[CD7] an interrupt that is not confirmed is forced once and then shown as unconfirmed', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1')
  await agent.next('command:dispatch')
  agent.report('command:ack', { commandId, attempt: 1 })
  await agent.acked(1)
  await fleet.commandQueue.interrupt(commandId, { canSee: () => true })
  agent.live(fleet.clock, deadlines.cancelDeadlineMs, [commandId])
  await agent.next('command:interrupt', i => i.force)
  fleet.clock.advance(5000)
  t.match(await fleet.commandEvent(commandId, 'command:cancelled'), { confirmed: false })
  agent.report('command:result', { commandId, attempt: 1, status: 'cancelled', exitCode: 130 })
  await agent.acked(2)
  t.match(await fleet.commandQueue.get(commandId), {
    status: 'cancelled',
    confirmed: true,
    lateResult: { exitCode: 130 },
  })
})

t.test('[CS7] a command without an ack is sent again, at most five times', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1')
  for (let attempt = 1; attempt <= 5; attempt++) {
    await agent.next('command:dispatch', d => d.attempt === attempt)
    const from = fleet.events.length
    agent.live(fleet.clock, deadlines.ackDeadlineMs)
    if (attempt < 5) await fleet.commandEvent(commandId, 'command:queued', from)
    agent.live(fleet.clock, 4000)
  }
  t.match(await fleet.commandEvent(commandId, 'command:failed'), {
    reason: 'undeliverable',
    retryable: true,
    attempt: 5,
  })
})

t.test('[CS8] [CS9] [CD3] a busy agent costs no attempt, and an unsupported kind ends the command', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1')
  await agent.next('command:dispatch')
  agent.report('command:reject', { commandId, attempt: 1, reason: 'busy' })
  await agent.acked(1)
  const count = agent.sent.length
  t.notOk(
    agent.sent
      .slice(agent.sent.findIndex(f => f.type === 'command:dispatch') + 1)
      .some(f => f.type === 'command:dispatch'),
    'it waits before it is sent again',
  )
  fleet.clock.advance(1000)
  const again = await agent.until(() => agent.sent.slice(count).find(f => f.type === 'command:dispatch'))
  t.match(again.payload, { commandId, attempt: 1 })
  agent.report('command:reject', { commandId, attempt: 1, reason: 'unsupported', message: 'no such kind' })
  t.match(await fleet.commandEvent(commandId, 'command:rejected'), { reason: 'unsupported', error: 'no such kind' })
})

t.test('[CS15] [CD4] the run clock ends a command as timed_out, the queue clock as expired', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1', { runTimeoutMs: 5000 })
  const waiting = await fleet.submit('a1', { queueTtlMs: 3000 })
  await agent.next('command:dispatch')
  agent.report('command:ack', { commandId, attempt: 1 })
  await agent.acked(1)
  fleet.clock.advance(3000)
  await fleet.commandEvent(waiting.commandId, 'command:expired')
  fleet.clock.advance(2000)
  await agent.next('command:interrupt')
  agent.report('command:result', { commandId, attempt: 1, status: 'cancelled' })
  t.match(await fleet.commandEvent(commandId, 'command:timed_out'), { confirmed: true, reason: 'run_timeout' })
})

t.test('[CQ3] whenBusy interrupt stops running commands and goes ahead of waiting ones', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const running = await fleet.submit('a1')
  await agent.next('command:dispatch')
  const waiting = await fleet.submit('a1')
  const steer = await fleet.submit('a1', { whenBusy: 'interrupt' })
  await agent.next('command:interrupt', i => i.commandId === running.commandId)
  agent.report('command:result', { commandId: running.commandId, attempt: 1, status: 'cancelled' })
  await agent.next('command:dispatch', d => d.commandId === steer.commandId)
  t.match(await fleet.commandQueue.get(waiting.commandId), { status: 'queued' })
})

t.test('[CQ10] [CQ12] a command can be edited and dropped while queued, and retried after its end', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const running = await fleet.submit('a1')
  await agent.next('command:dispatch')
  const queued = await fleet.submit('a1')
  const by = { canSee: () => true, createdBy: 'me' }
  t.match(await fleet.commandQueue.edit(queued.commandId, { input: 'changed', priority: 3 }, by), {
    command: { input: 'changed', priority: 3 },
  })
  t.match(await fleet.commandQueue.edit(running.commandId, { input: 'changed' }, by), { error: { code: 'conflict' } })
  t.match(await fleet.commandQueue.retry(running.commandId, by), { error: { code: 'conflict' } })
  t.match(await fleet.commandQueue.drop(queued.commandId, by), { command: { status: 'cancelled', reason: 'dropped' } })
  t.match(await fleet.commandQueue.drop(queued.commandId, by), { error: { code: 'conflict' } })
  const retried = await fleet.commandQueue.retry(queued.commandId, by)
  t.match(retried, { status: 'accepted', command: { retryOf: queued.commandId, input: 'changed', status: 'queued' } })
})

t.test('waiting for a command resolves at its end, or after the timeout', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const command = await fleet.submit('a1')
  await agent.next('command:dispatch')
  const waited = fleet.commandQueue.waitForEnd(command, 60_000)
  agent.report('command:result', {
    commandId: command.commandId,
    attempt: 1,
    status: 'failed',
    error: 'no',
    exitCode: 3,
  })
  t.match(await waited, { status: 'failed', exitCode: 3, reason: 'reported' })
  const other = await fleet.submit('a1')
  const late = fleet.commandQueue.waitForEnd(other, 1000)
  await agent.next('command:dispatch', d => d.commandId === other.commandId)
  fleet.clock.advance(1000)
  t.match(await late, { status: 'dispatched' }, 'its state when the time is over')
})

t.test(
  '[CD9] [RC6] [AG12] a restart forgets nothing: queued commands wait, dispatched ones are resent, running ones get a new lease',
  async t => {
    const fleet = await startFleet(t)
    const agent = fleet.agent('a1')
    await agent.hello({ maxConcurrency: 2 })
    const running = await fleet.submit('a1')
    await agent.next('command:dispatch', d => d.commandId === running.commandId)
    agent.report('command:ack', { commandId: running.commandId, attempt: 1 })
    await agent.acked(1)
    const dispatched = await fleet.submit('a1')
    await agent.next('command:dispatch', d => d.commandId === dispatched.commandId)
    const queued = await fleet.submit('a1')
    await fleet.end()

    const next = await startFleet(t, { dir: fleet.dir, clock: fleet.clock })
    await next.event(e => (e.payload as Command).commandId === running.commandId)
    t.match(await next.commandQueue.get(running.commandId), { status: 'running', phase: 'disconnected' })
    t.match(await next.commandQueue.get(dispatched.commandId), { status: 'dispatched', attempt: 1 })
    t.match(await next.commandQueue.get(queued.commandId), { status: 'queued' })
    t.match(next.agents.get('a1'), { link: 'late', status: 'online' })

    const back = next.agent('a1')
    const established = await back.hello({
      maxConcurrency: 2,
      inventory: [{ commandId: running.commandId, attempt: 1, state: 'running' }],
    })
    t.match(established, { ackedN: 1, directives: [{ commandId: running.commandId, action: 'continue' }] })
    t.match(await back.next('command:dispatch'), { commandId: dispatched.commandId, attempt: 1 })
    t.match(await next.commandQueue.get(running.commandId), { status: 'running', phase: 'working' })
  },
)

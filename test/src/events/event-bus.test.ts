import { type Test, test } from 'tap'
import { type BusEvent, EventBus } from '../../../src/events/event-bus.ts'
import { TaskService } from '../../../src/tasks/task-service.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { openLog } from '../../helpers/log-folder.ts'
import { Notes } from '../../helpers/notes.ts'

async function startBus(t: Test) {
  const clock = new FakeClock()
  const log = await openLog(t, { clock })
  const tasks = new TaskService({ log, clock, retentionMs: 86_400_000 })
  const faults = new Notes<{ err: Error; pattern: string; cursor: string }>()
  const silent = () => {}
  const logger = { debug: silent, info: silent, warn: silent, error: (fields: object) => faults.note(fields as never) }
  const bus = new EventBus({ log, tasks, logger })
  bus.start()
  t.teardown(() => bus.stop())
  return { log, tasks, bus, faults }
}

const step = (i: number) => ({ topic: 'tasks.t1.events', type: 'custom:step', payload: { i } }) as const

test('[EB1] handlers get matching events once, in log order', async t => {
  const { bus, log, tasks } = await startBus(t)
  const seen: BusEvent[] = []
  const firsts: BusEvent[] = []
  await bus.publish(step(0))
  bus.on('tasks.*.events', event => void seen.push(event))
  bus.once('tasks.>', event => void firsts.push(event))
  await Promise.all(Array.from({ length: 50 }, (_, i) => bus.publish(step(i + 1))))
  await tasks.create({ taskId: 't2', fields: { title: 'two' } })
  await bus.publish({ ...step(0), topic: 'users.ann.inbox' })

  const page = await log.read({ topics: ['tasks.*.events'], limit: 100 })
  if (page.status !== 'ok') return t.fail(page.status)
  t.same(
    seen.map(({ cursor }) => cursor),
    page.events.slice(1).map(({ cursor }) => cursor),
  )
  t.equal(seen.length, 50)
  t.equal(firsts.length, 1)
  t.same(firsts[0], seen[0])
})

test('[EB1] off, or the function returned by on, removes a handler; a handler added by another starts with the next event', async t => {
  const { bus } = await startBus(t)
  const seen: string[] = []
  const late = () => void seen.push('late')
  const early = () => {
    seen.push('early')
    bus.once('>', late)
  }
  const end = bus.on('>', early)
  bus.on('>', late)
  bus.off('>', late)
  await bus.publish(step(1))
  t.same(seen, ['early'])
  end()
  await bus.publish([step(2), step(3)])
  t.same(seen, ['early', 'late'])
  t.equal(bus.stats().handlers, 0)
})

test('[EB1] a handler that is removed by another does not get the same event', async t => {
  const { bus } = await startBus(t)
  bus.on('>', () => {
    end()
  })
  const end = bus.on('>', () => {
    t.fail('it was removed')
  })
  await bus.publish(step(1))
  t.equal(bus.stats().delivered, 1)
})

test('[EB2] patterns match events that concern a task; an invalid pattern throws', async t => {
  const { bus } = await startBus(t)
  const seen: string[] = []
  bus.on('tasks.t1.>', ({ type }) => void seen.push(type))
  await bus.emitToolCall('a1', { toolCallId: 'c1', name: 'search', phase: 'started', taskId: 't1' })
  await bus.emitToolCall('a1', { toolCallId: 'c2', name: 'search', phase: 'started', taskId: 't2' })
  t.same(seen, ['custom:tool-call'])
  for (const pattern of ['', 'a..b', '>.a', '$tokens.>', 'a b']) {
    t.throws(() => bus.on(pattern, () => {}), { code: 'FLW_ERR_EVENTS_PATTERN' }, pattern)
  }
})

test('[EB3] a handler that throws or rejects is logged and counted, and affects no other', async t => {
  const { bus, faults } = await startBus(t)
  const seen: BusEvent[] = []
  bus.on('tasks.>', () => {
    throw new Error('at once')
  })
  bus.on('tasks.t1.>', async () => {
    throw new Error('later')
  })
  bus.on('>', event => void seen.push(event))
  t.match(await bus.publish([step(1), step(2)]), { status: 'ok' })
  await faults.until(items => items.length === 4)
  t.same(faults.items.map(({ err }) => err.message).sort(), ['at once', 'at once', 'later', 'later'])
  t.match(faults.items[0], { pattern: 'tasks.>', cursor: seen[0]!.cursor })
  t.equal(seen.length, 2)
  t.same(bus.stats(), { handlers: 3, delivered: 6, failed: 4, published: 2 })
})

test('[EB4] a handler that modifies its event affects no other', async t => {
  const { bus, tasks } = await startBus(t)
  const titles: string[] = []
  for (const name of ['one', 'two']) {
    bus.on('tasks.*.status', event => {
      if (event.type !== 'task:created') return
      titles.push(event.payload.title)
      event.payload.title = name
    })
  }
  await tasks.create({ taskId: 't1', fields: { title: 'mine' } })
  t.same(titles, ['mine', 'mine'])
  t.match(await tasks.get('t1'), { title: 'mine' })
})

test('[EB5] publishing is all or none, and for custom events only', async t => {
  const { bus, log } = await startBus(t)
  const before = log.head
  const bad: [unknown, string][] = [
    [{ ...step(1), type: 'task:completed' }, 'invalid_request'],
    [{ ...step(1), type: 'custom:' }, 'invalid_request'],
    [{ ...step(1), topic: 'tasks.t1.status' }, 'forbidden'],
    [{ ...step(1), topic: '$tokens.x' }, 'forbidden'],
    [{ ...step(1), topic: 'agents.*.log' }, 'forbidden'],
    [{ ...step(1), payload: undefined }, 'invalid_request'],
    [{ ...step(1), payload: 'x'.repeat(70_000) }, 'too_large'],
    [{ ...step(1), taskId: 'no id' }, 'invalid_request'],
  ]
  for (const [event, code] of bad) {
    t.match(await bus.publish([step(1), event as never]), { status: 'refused', error: { code } })
  }
  t.match(await bus.publish([]), { status: 'refused', error: { code: 'invalid_request' } })
  t.match(await bus.publish(Array.from({ length: 501 }, (_, i) => step(i))), { status: 'refused' })
  t.equal(log.head, before, 'nothing was written')
  const published = await bus.publish(Array.from({ length: 500 }, (_, i) => step(i)))
  t.same(published, { status: 'ok', cursor: log.head })
  await log.close()
  t.match(await bus.publish(step(1)), { status: 'refused', error: { code: 'unavailable' } })
})

test('[EB6] [TK2] [TK3] [TK7] progress follows the rules of tasks', async t => {
  const { bus, tasks } = await startBus(t)
  const types: string[] = []
  bus.on('tasks.t1.status', ({ type }) => void types.push(type))
  await tasks.create({ taskId: 't1', fields: { title: 'one' } })
  t.match(await bus.emitProgress('t1', { progress: 0.1 }), { status: 'ok', task: { status: 'running', progress: 0.1 } })
  const said = { progress: 0.5, confidence: 0.9, message: 'half' }
  t.match(await bus.emitProgress('t1', said), { status: 'ok', task: said })
  for (const progress of [2, -1, Number.NaN]) {
    t.match(await bus.emitProgress('t1', { progress }), { status: 'refused', error: { code: 'invalid_request' } })
  }
  await tasks.act('t1', 'complete', {})
  t.match(await bus.emitProgress('t1', { progress: 0.6 }), { status: 'refused', error: { code: 'conflict' } })
  t.match(await bus.emitProgress('t9', { progress: 0.6 }), { status: 'refused', error: { code: 'not_found' } })
  t.same(types, ['task:created', 'task:started', 'task:progress', 'task:completed'])
})

test('[EB7] reports on behalf of an agent are custom events and change no record', async t => {
  const { bus, log } = await startBus(t)
  const seen: BusEvent[] = []
  bus.on('>', event => void seen.push(event))
  await bus.emitTaskEvent('t1', 'deployed', { to: 'test' })
  await bus.emitAgentStatus('a1', { status: 'thinking', detail: 'hard' })
  await bus.emitToolCall('a1', { toolCallId: 'c1', name: 'search', phase: 'ended', result: [1] })
  t.match(seen, [
    { type: 'custom:deployed', topic: 'tasks.t1.events', payload: { to: 'test' } },
    { type: 'custom:agent-status', topic: 'agents.a1.log', payload: { agentId: 'a1', status: 'thinking' } },
    { type: 'custom:tool-call', topic: 'agents.a1.log', payload: { agentId: 'a1', phase: 'ended', result: [1] } },
  ])
  t.same((await log.snapshot(['>'])).records, [])
})

test('[EB8] history is paged in both directions and filtered by type', async t => {
  const { bus } = await startBus(t)
  const cursors: string[] = []
  bus.on('>', ({ cursor }) => void cursors.push(cursor))
  for (let i = 0; i < 5; i++) await bus.publish(i === 2 ? { ...step(i), type: 'custom:other' } : step(i))
  const steps = (page: Awaited<ReturnType<EventBus['history']>>) =>
    page.status === 'ok' ? page.items.map(({ payload }) => (payload as { i: number }).i) : page.status
  t.same(steps(await bus.history()), [4, 3, 2, 1, 0])
  t.same(steps(await bus.history({ after: cursors[1]!, limit: 2 })), [2, 3])
  t.same(steps(await bus.history({ before: cursors[1]! })), [0])
  t.same(steps(await bus.history({ type: 'custom:other' })), [2])
  t.same(steps(await bus.history({ topics: ['users.>'] })), [])
  const first = await bus.history({ limit: 3 })
  if (first.status !== 'ok' || first.nextCursor === null) return t.fail('there is more')
  const second = await bus.history({ before: first.nextCursor, limit: 3 })
  t.same(steps(second), [1, 0])
  t.match(second, { nextCursor: null })
  t.match(await bus.history({ after: 'nonsense' }), { status: 'gone', reason: 'malformed' })
  await t.rejects(bus.history({ topics: ['a..b'] }), { code: 'FLW_ERR_EVENTS_PATTERN' })
})

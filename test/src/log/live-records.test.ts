import t, { type Test } from 'tap'
import { eachPage, eachRecord, itemPage } from '../../../src/log/each-record.ts'
import type { EventDraft, EventLog, RecordQuery } from '../../../src/log/event-log.ts'
import { LiveRecords, type LiveRecordsOptions } from '../../../src/log/live-records.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { openLog } from '../../helpers/log-folder.ts'

interface Item {
  commandId: string
  status: 'queued' | 'running' | 'succeeded'
  n?: number
}

const item = (commandId: string, status: Item['status'], n?: number): EventDraft => ({
  type: `command:${status}`,
  topic: `agents.a1.commands.${commandId}`,
  payload: { commandId, status, ...(n !== undefined && { n }) },
  record: 'set',
})

async function stage(t: Test, log?: Pick<EventLog, 'follow' | 'list'>) {
  const store = await openLog(t, { clock: new FakeClock() })
  const held: string[] = []
  const options: LiveRecordsOptions<Item> = {
    log: log ?? store,
    kind: 'command',
    where: { status: ['queued', 'running'] },
    keyOf: ({ commandId }) => commandId,
    isLive: ({ status }) => status !== 'succeeded',
    onHeld: (after, before) => held.push(`${before?.status ?? '-'} → ${after?.status ?? '-'}`),
  }
  const records = new LiveRecords<Item>(options)
  t.teardown(() => records.stop())
  const statuses = () => Object.fromEntries([...records.values()].map(({ commandId, status }) => [commandId, status]))
  return { log: store, options, records, held, statuses }
}

t.test('all records of a kind are read, whatever the page size', async t => {
  const log = await openLog(t, { clock: new FakeClock() })
  await log.append(Array.from({ length: 7 }, (_, n) => item(`c${n}`, 'queued')))
  await log.append([{ type: 'task:x', topic: 'tasks.t1.status', payload: {}, record: 'set' }])
  for (const size of [1, 3, 7, 100]) {
    const ids: string[] = []
    for await (const { payload } of eachRecord(log, { kind: 'command', order: 'desc' }, size))
      ids.push((payload as Item).commandId)
    t.same(ids, ['c6', 'c5', 'c4', 'c3', 'c2', 'c1', 'c0'], `pages of ${size}`)
  }
  const sizes: number[] = []
  for await (const page of eachPage(log, { kind: 'command' }, 3)) sizes.push(page.length)
  t.same(sizes, [3, 3, 1])
  for await (const _ of eachRecord(log, { kind: 'session' })) t.fail('there is none')
  await t.rejects(async () => {
    for await (const _ of eachRecord(log, { kind: 'command' }, 0)) t.fail('no empty page')
  }, TypeError)
})

t.test('a page of entities has the cursor of the next one', async t => {
  const log = await openLog(t, { clock: new FakeClock() })
  await log.append([item('c1', 'queued'), item('c2', 'running'), item('c3', 'queued')])
  const first = await itemPage<Item>(log, { kind: 'command', where: { status: 'queued' }, limit: 1 })
  t.same(first.items, [{ commandId: 'c1', status: 'queued' }])
  const rest = await itemPage<Item>(log, {
    ...{ kind: 'command', where: { status: 'queued' }, limit: 5 },
    cursor: first.nextCursor!,
  })
  t.same(rest, { items: [{ commandId: 'c3', status: 'queued' }], nextCursor: null })
})

t.test('live records are held from the start, through their changes, until they end', async t => {
  const { log, records, held, statuses } = await stage(t)
  await log.append([item('c1', 'queued'), item('c2', 'succeeded'), item('c3', 'running')])
  t.same(await records.start(), [])
  t.same(statuses(), { c1: 'queued', c3: 'running' })
  const told: string[] = []
  records.onChange((after, before) => told.push(`${after.commandId} ${before?.status ?? '-'} → ${after.status}`))
  await log.append([item('c1', 'running'), item('c4', 'queued')])
  await log.append([item('c3', 'succeeded'), { type: 'x', topic: 'tasks.t1.status', payload: {}, record: 'set' }])
  await log.append([item('c3', 'succeeded', 2)])
  t.same(statuses(), { c1: 'running', c4: 'queued' })
  t.same(told, ['c1 queued → running', 'c4 - → queued', 'c3 running → succeeded', 'c3 - → succeeded'])
  t.same(held, ['- → queued', '- → running', 'queued → running', '- → queued', 'running → -'])
  records.forget('c1')
  t.same(statuses(), { c4: 'queued' })
  await log.append([item('c1', 'queued')])
  t.same(statuses(), { c1: 'queued', c4: 'queued' }, 'it is held again when it changes')
  t.equal(records.get('c1')?.version, (await log.get('agents.a1.commands.c1'))?.version)
})

t.test('a change during the listing is never overwritten by an older version from the list', async t => {
  let release = () => {}
  const hasRead = new Promise<void>(resolve => {
    release = resolve
  })
  let isRead = () => {}
  const reads = new Promise<void>(resolve => {
    isRead = resolve
  })
  const slow: Pick<EventLog, 'follow' | 'list'> = {
    follow: onBatch => log.follow(onBatch),
    async list(query: RecordQuery) {
      const page = await log.list(query)
      isRead()
      await hasRead
      return page
    },
  }
  const { log, records, statuses } = await stage(t, slow)
  await log.append(['ends', 'moves', 'stays', 'goes'].map(id => item(id, 'queued')))
  const started = records.start()
  await reads
  await log.append([item('ends', 'running'), item('moves', 'running'), item('new', 'queued'), item('goes', 'running')])
  await log.append([item('ends', 'succeeded')])
  records.forget('goes')
  release()
  await started
  t.same(statuses(), { moves: 'running', stays: 'queued', new: 'queued' })
})

t.test('after a stop and a start it holds each record that is live then, once', async t => {
  const { log, records, held, statuses } = await stage(t)
  await log.append([item('c1', 'queued'), item('c2', 'queued')])
  let told = 0
  records.onChange(() => told++)
  await Promise.all([records.start(), records.start()])
  t.equal(held.length, 2, 'started once')
  records.stop()
  await log.append([item('c1', 'succeeded'), item('c2', 'running'), item('c3', 'queued')])
  t.equal(told, 0)
  await records.start()
  t.same(statuses(), { c2: 'running', c3: 'queued' })
  await log.append([item('c3', 'running')])
  t.equal(told, 1, 'listeners remain, and are notified once')
  // A start that is overtaken by a stop and another start adds nothing.
  records.stop()
  const overtaken = records.start()
  records.stop()
  await records.start()
  await overtaken
  t.same(statuses(), { c2: 'running', c3: 'running' })
  const opened = held.filter(line => line.startsWith('- →')).length
  const closed = held.filter(line => line.endsWith('→ -')).length
  t.equal(opened - closed, 2, 'derived state was notified of each once')
})

t.test('a listener that throws affects neither the others nor later events', async t => {
  const { log, records, statuses } = await stage(t)
  const stopFaulty = records.onChange(({ commandId }) => {
    if (commandId === 'bad') throw new Error('it cannot take this one')
  })
  await records.start()
  const told: string[] = []
  const stop = records.onChange(({ commandId }) => void told.push(commandId))
  await log.append([item('bad', 'queued'), item('c1', 'queued')])
  t.same(statuses(), { bad: 'queued', c1: 'queued' })
  t.same(told, ['bad', 'c1'])
  stop()
  stopFaulty()
  await log.append([item('bad', 'running')])
  t.same(told, ['bad', 'c1'], 'a removed listener is not notified')
  t.same(statuses(), { bad: 'running', c1: 'queued' })
})

import { test } from 'tap'
import { changeRecord, type Decision } from '../../../src/log/change-record.ts'
import type { EventDraft } from '../../../src/log/event-log.ts'
import { MemoryLog } from '../../helpers/memory-log.ts'

const topic = 'tasks.t1.status'
interface Count {
  count: number
}
const draft = (count: number): EventDraft => ({ type: 'task:updated', topic, payload: { count }, record: 'set' })
const addOne = (current: Count | undefined): Decision<Count, 'full'> => {
  const count = (current?.count ?? 0) + 1
  return count > 3 ? { to: 'same', why: 'full' } : { to: 'next', value: { count }, draft: draft(count) }
}
const note: EventDraft = { type: 'custom:note', topic: 'tasks.t1.events', payload: 'x' }
const notes = async (log: MemoryLog) => {
  const page = await log.read({ topics: ['tasks.t1.events'], limit: 100 })
  return page.status === 'ok' && page.events.length
}

test('a record that does not exist is created, once', async t => {
  const log = new MemoryLog()
  t.same(await changeRecord(log, { topic, decide: addOne }), { status: 'changed', value: { count: 1 } })
  t.same((await log.get(topic))?.payload, { count: 1 })
})

test('the slower of two writers decides again on the new value, so that no change is lost', async t => {
  const log = new MemoryLog()
  const known = undefined
  await Promise.all(['a', 'b', 'c'].map(() => changeRecord(log, { topic, known, decide: addOne })))
  t.same((await log.get(topic))?.payload, { count: 3 })
})

test('an outdated copy costs a second read, not a wrong change', async t => {
  const log = new MemoryLog()
  await log.append([draft(1)])
  const known = await log.get(topic)
  await log.append([draft(2)])
  t.same(await changeRecord(log, { topic, known, decide: addOne }), { status: 'changed', value: { count: 3 } })
})

test('events appended alongside are appended once, whether the record changes or not', async t => {
  const log = new MemoryLog()
  await log.append([draft(2)])
  await changeRecord(log, { topic, decide: addOne, alongside: [note] })
  t.equal(await notes(log), 1)
  const full = await changeRecord(log, { topic, decide: addOne, alongside: [note] })
  t.same(full, { status: 'same', why: 'full', value: { count: 3 } })
  t.equal(await notes(log), 2)
})

test('a log that cannot accept events is reported, whatever was decided', async t => {
  const refusing = {
    get: async () => undefined,
    append: async () => ({ status: 'unavailable' as const, retryAfterMs: 5, reason: 'full disk' }),
  }
  const gone = { status: 'unavailable', retryAfterMs: 5, reason: 'full disk' }
  t.same(await changeRecord(refusing, { topic, decide: addOne }), gone)
  t.same(await changeRecord(refusing, { topic, decide: () => ({ to: 'same', why: 'no' }), alongside: [note] }), gone)
})

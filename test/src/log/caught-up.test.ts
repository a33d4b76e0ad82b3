import { type Command, type Interaction, topics, type WireError, wireError } from '@fleetwire/protocol'
import { test } from 'tap'
import { inProcess } from '../../../src/caller.ts'
import { foundInAll, judgedOnAll } from '../../../src/log/caught-up.ts'
import { draftOf } from '../../../src/log/draft.ts'
import type { EventDraft } from '../../../src/log/event-log.ts'
import { refused } from '../../../src/outcome.ts'
import { startFleet } from '../../helpers/fleet.ts'

const notFound = refused(wireError('not_found', 'There is none.'))
const later = refused(wireError('unavailable', 'Try again.'))

test('[NO27] only a final refusal is decided once more, with all events', async t => {
  let caughtUp = 0
  const log = { catchUp: async () => void caughtUp++ }
  const judged = (...outcomes: { status: string; error?: WireError }[]) =>
    judgedOnAll(log, async () => outcomes.shift()!)
  t.same(await judged({ status: 'ok' }), { status: 'ok' })
  t.same(await judged(later), later)
  t.equal(caughtUp, 0)
  t.same(await judged(notFound, { status: 'ok' }), { status: 'ok' })
  t.same(await judged(notFound, notFound), notFound)
  t.equal(caughtUp, 2)
  const cut = { catchUp: () => Promise.reject(new Error('no server answers')) }
  t.match(await judgedOnAll(cut, async () => notFound), {
    status: 'refused',
    error: { code: 'unavailable', retryable: true },
  })
  t.same(await judgedOnAll({}, async () => notFound), notFound, 'a single server always has all events')
})

test('[NO27] a record that is not found is looked up once more', async t => {
  const found = (log: object, ...values: (string | undefined)[]) => foundInAll(log, async () => values.shift())
  const log = { catchUp: async () => {} }
  t.equal(await found(log, 'it'), 'it')
  t.equal(await found(log, undefined, 'it'), 'it')
  t.equal(await found({}, undefined, 'it'), undefined)
  t.equal(await found({ catchUp: () => Promise.reject(new Error('cut')) }, undefined), undefined)
})

test('[NO27] what another node showed can be used at once: questions, commands, tasks', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1')
  await agent.next('command:dispatch')
  const answerer = { ...inProcess, actor: { by: 'ann', via: 'rest' as const } }
  /** Events that arrive only when the log catches up. */
  const onItsWay = (...drafts: EventDraft[]) => {
    const catchUp = async () => {
      delete (fleet.log as { catchUp?: unknown }).catchUp
      await fleet.log.append(drafts)
    }
    Object.assign(fleet.log, { catchUp })
  }
  const of = (id: string) =>
    ({ ...fleet.ledger.live(commandId)!, commandId: id, attempt: 0, status: 'queued' }) as Command
  const command = (id: string) => draftOf('command:queued', topics.command('a1', id), of(id), { record: 'set' })
  const question = (id: string): EventDraft => {
    const options = [{ id: 'yes', label: 'Yes', effect: 'allow' as const }]
    const asked = { interactionId: id, agentId: 'a1', kind: 'permission', title: '?', description: '', options }
    const payload = { ...asked, risk: 'unknown', defaultOnTimeout: 'deny', createdAt: 1, state: 'open' } as Interaction
    return draftOf('interaction:requested', topics.interaction('a1', id), payload, { record: 'set' })
  }
  const created = await fleet.tasks.create({ fields: { title: 'One' } })
  if (created.status !== 'ok') throw new Error(created.error.message)
  const task = (taskId: string) =>
    draftOf('task:created', topics.taskStatus(taskId), { ...created.task, taskId }, { record: 'set', taskId })

  onItsWay(question('i1'))
  t.match(await fleet.interactions.respond('i1', { optionId: 'yes' }, answerer), { status: 'ok', affected: true })
  onItsWay(question('i2'))
  t.match(await fleet.interactions.get('i2', () => true), { interactionId: 'i2' })
  onItsWay(command('c1'))
  t.match(await fleet.commandQueue.interrupt('c1', inProcess), { status: 'ok', affected: true })
  onItsWay(command('c2'))
  t.match(await fleet.commandQueue.get('c2'), { commandId: 'c2' })
  onItsWay(command('c3'))
  t.match(await fleet.commandQueue.drop('c3', inProcess), { status: 'ok' })
  onItsWay(command('c4'))
  t.match(await fleet.commandQueue.edit('c4', { runNext: true }, inProcess), { status: 'ok' })
  onItsWay(
    draftOf('command:cancelled', topics.command('a1', 'c4'), { ...of('c4'), status: 'cancelled' }, { record: 'set' }),
  )
  t.match(await fleet.commandQueue.retry('c4', { ...inProcess, createdBy: 'ann' }), { status: 'accepted' })
  onItsWay(task('t1'))
  t.match(await fleet.tasks.get('t1'), { taskId: 't1' })
  onItsWay(task('t2'))
  t.match(await fleet.tasks.act('t2', 'start', {}), { status: 'ok', changed: true })
})

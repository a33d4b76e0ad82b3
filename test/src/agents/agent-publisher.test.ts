import type { Agent } from '@fleetwire/protocol'
import { test } from 'tap'
import { AgentPublisher } from '../../../src/agents/agent-publisher.ts'
import { greeted } from '../../../src/agents/agent-state.ts'
import type { AppendResult, EventDraft } from '../../../src/log/event-log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const FULL: AppendResult = { status: 'unavailable', retryAfterMs: 1000, reason: 'full disk' }
const OK: AppendResult = { status: 'ok', events: [] }

/** A publisher on a log that responds when the test decides, and one agent whose `detail` changes. */
function setUp() {
  const clock = new FakeClock()
  const appends: {
    drafts: readonly EventDraft[]
    resolve: (result: AppendResult) => void
    reject: (error: Error) => void
  }[] = []
  const faults: unknown[] = []
  const agent = greeted('a1', { bootId: 'b', inventory: [] }, undefined, clock.now())
  let current: Agent | undefined = agent
  const publisher = new AgentPublisher({
    clock,
    log: {
      append: drafts =>
        new Promise((resolve, reject) => {
          appends.push({ drafts, resolve, reject })
        }),
    },
    recordOf: () => current,
    onFault: error => faults.push(error),
  })
  publisher.start()
  publisher.found(agent)
  return {
    ...{ clock, publisher, faults },
    /** The details submitted to the log so far, in order. */
    details: () => appends.map(({ drafts }) => (drafts[0]!.payload as Agent).detail),
    types: () => appends.map(({ drafts }) => drafts[0]!.type),
    change(detail: string) {
      current = current && { ...current, detail }
      publisher.update('a1')
    },
    record: (detail: string): Agent => ({ ...agent, detail }),
    gone: () => {
      current = undefined
    },
    async answer(n: number, result: AppendResult | Error) {
      if (result instanceof Error) appends[n]!.reject(result)
      else appends[n]!.resolve(result)
      await new Promise(setImmediate)
    },
  }
}

test('changes made while a record is being stored are combined into the next one', async t => {
  const { change, details, answer, publisher } = setUp()
  publisher.update('a1')
  t.same(details(), [], 'the log already has this record')
  for (const detail of ['one', 'two', 'three']) change(detail)
  t.same(details(), ['one'])
  await answer(0, OK)
  t.same(details(), ['one', 'three'])
  await answer(1, OK)
  change('three')
  t.same(details(), ['one', 'three'], 'nothing has changed')
})

test('a record that the log could not accept is retried with its current content', async t => {
  const { change, details, answer, clock } = setUp()
  change('one')
  await answer(0, FULL)
  change('two')
  t.same(details(), ['one'], 'a full log is not retried at once')
  clock.advance(1000)
  t.same(details(), ['one', 'two'])
  await answer(1, FULL)
  change('')
  clock.advance(1000)
  t.same(details(), ['one', 'two'], 'the log already has this record')
})

test('after an error of the log, nothing is assumed to be stored', async t => {
  const { change, details, answer, faults } = setUp()
  change('one')
  await answer(0, new Error('lost'))
  t.match(faults, [{ message: 'lost' }])
  change('one')
  t.same(details(), ['one', 'one'])
})

test('a record stored together with other events is followed by later changes only', async t => {
  const { change, details, answer, publisher, record } = setUp()
  const stored: string[] = []
  change('before')
  const storing = publisher.store(record('hello'), [], () => stored.push('hello'))
  change('after')
  t.same(details(), ['before', 'hello'])
  await answer(0, FULL)
  t.same(details(), ['before', 'hello'], 'the older record is not retried')
  await answer(1, OK)
  t.match(await storing, OK)
  t.same(stored, ['hello'])
  t.same(details(), ['before', 'hello', 'after'])
})

test('nothing is stored about an agent after its removal', async t => {
  const { change, types, answer, publisher, gone, clock } = setUp()
  const removing = publisher.remove('a1', [], gone)
  change('late')
  await answer(0, OK)
  t.match(await removing, OK)
  clock.advance(10_000)
  t.same(types(), ['agent:removed'])
  t.equal(clock.pending, 0)
})

test('once stopped, it sets no timers and stores nothing more', async t => {
  const { change, details, answer, publisher, clock } = setUp()
  change('one')
  change('two')
  publisher.stop()
  await answer(0, FULL)
  clock.advance(10_000)
  t.equal(clock.pending, 0)
  t.same(details(), ['one'])
})

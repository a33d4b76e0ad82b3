import { matchEvent } from '@fleetwire/protocol'
import t from 'tap'
import type { EventDraft, FleetEvent } from '../../../src/log/event-log.ts'
import { append, note, numbers, readAll } from '../../contract/event-log-harness.ts'
import { openLog } from '../../helpers/log-folder.ts'

/** Pseudo-random numbers below `n`, the same in every run (a linear congruential generator). */
function numbersFrom(seed: number): (n: number) => number {
  let state = seed
  return n => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

t.test('for any patterns, reading returns exactly the matching events, in order, in both directions', async t => {
  const below = numbersFrom(7)
  const pick = <T>(values: readonly T[]): T => values[below(values.length)]!
  const topicNames = ['a', 'b', 'c'].flatMap(id => [
    `agents.${id}.status`,
    `agents.${id}.log`,
    `agents.${id}.sessions.s1.messages`,
    `tasks.${id}.status`,
    `tasks.${id}.events`,
    `users.${id}.inbox`,
    ...[1, 2, 3, 4, 5].map(n => `agents.${id}.commands.c${n}`),
  ])
  topicNames.push('agents.ab.log', 'system.connections', '$own.a')
  const log = await openLog(t)
  const drafts: EventDraft[] = Array.from({ length: 3000 }, (_, n) => {
    // One topic far busier than the others, like a stream of tokens.
    const topic = below(3) > 0 ? 'agents.a.sessions.s1.messages' : pick(topicNames)
    return below(4) === 0 ? { ...note(n, topic), taskId: pick(['a', 'b', 'x']) } : note(n, topic)
  })
  const events: FleetEvent[] = []
  for (let n = 0; n < drafts.length; n += 300) events.push(...(await append(log, ...drafts.slice(n, n + 300))))
  const stored = events.filter(event => !event.topic.startsWith('$'))

  const pieces = ['agents', 'tasks', 'users', 'a', 'b', 'status', 'log', 'commands', 'c1', 'x', '*', '*', '>']
  const randomPattern = () => {
    const tokens = Array.from({ length: 1 + below(4) }, () => pick(pieces))
    const end = tokens.indexOf('>')
    return (end === -1 ? tokens : tokens.slice(0, end + 1)).join('.')
  }
  const sets = [['>'], topicNames, ['agents.a.>'], ['agents.b.>', 'tasks.a.>'], ['tasks.x.agents.>'], ['agents.*.log']]
  for (let i = 0; i < 60; i++) {
    sets.push(Array.from({ length: 1 + below(4) }, () => (below(4) === 0 ? pick(topicNames) : randomPattern())))
  }
  for (const patterns of sets) {
    const expected = stored.filter(event => patterns.some(pattern => matchEvent(pattern, event)))
    const limit = pick([40, 333, 5000])
    const title = JSON.stringify(patterns)
    t.equal(numbers(await readAll(log, patterns, limit)).join(), numbers(expected).join(), title)
    const from = pick(events)
    const later = expected.filter(event => event.seq > from.seq)
    t.equal(numbers(await readAll(log, patterns, limit, from.cursor)).join(), numbers(later).join(), title)
    const back: FleetEvent[] = []
    for (let before: string | null = null; ; ) {
      const page = await log.read({ topics: patterns, before, limit })
      if (page.status !== 'ok') throw new Error(page.reason)
      back.push(...page.events)
      if (page.done) break
      before = page.next
    }
    t.equal(numbers(back).join(), numbers(expected).reverse().join(), `${title} back`)
  }
})

t.test('appends continue during a long search', async t => {
  const log = await openLog(t)
  for (let n = 0; n < 40; n++) await append(log, ...Array.from({ length: 500 }, (_, i) => note(n * 500 + i)))
  await append(log, note(-1, 'users.u1.inbox'))
  const order: string[] = []
  const search = log.read({ topics: ['users.*.inbox'], limit: 10 }).then(page => {
    order.push('found')
    return page
  })
  await append(log, note(0)).then(() => order.push('appended'))
  const page = await search
  t.same(order, ['appended', 'found'])
  t.same(page.status === 'ok' && numbers(page.events), [-1], 'in one page, over many steps')
})

t.test('a page of large events ends early, and the next one continues', async t => {
  const log = await openLog(t)
  const text = 'x'.repeat(1024 * 1024)
  for (let n = 0; n < 10; n++) await append(log, { ...note(n), payload: { n, text } })
  for (const query of [{}, { before: null }]) {
    const page = await log.read({ topics: ['>'], limit: 1000, ...query })
    t.match(page, { status: 'ok', done: false })
    t.equal(page.status === 'ok' && page.events.length, 4)
  }
  t.same(numbers(await readAll(log, ['>'], 1000)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

t.test('a read that retention overtakes says so and never skips events', async t => {
  const log = await openLog(t, { retention: { count: 10, ms: 1e12 } })
  for (let n = 0; n < 100; n++) await append(log, note(n))
  const first = await log.read({ topics: ['>'], limit: 20 })
  if (first.status !== 'ok') throw new Error(first.reason)
  t.equal(first.events.length, 20)
  await log.retain()
  t.same(await log.read({ topics: ['>'], after: first.next, limit: 20 }), { status: 'gone', reason: 'expired' })
})

t.test('an invalid page limit, or both directions at once, is an error of the caller', async t => {
  const log = await openLog(t)
  for (const limit of [0, -1, 1.5, Number.NaN]) await t.rejects(log.read({ topics: ['>'], limit }), TypeError)
  await t.rejects(log.read({ topics: ['>'], after: log.head, before: log.head, limit: 1 }), TypeError)
})

import type { Test } from 'tap'
import type { EventLog, FleetEvent } from '../../src/log/event-log.ts'
import {
  append,
  commandDraft,
  type LogFactory,
  note,
  numbers,
  plain,
  readAll,
  type SomeCases,
} from './event-log-harness.ts'

const sequence = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

export async function contractOfEvents(t: Test, factory: LogFactory, ofReads: SomeCases): Promise<void> {
  t.test('an append gets a position in the order, and both followers and the caller get the event', async t => {
    const { log } = await factory(t)
    const told: FleetEvent[] = []
    log.follow(events => told.push(...events))
    const payload = { n: 1 }
    const [event] = await append(log, { ...note(1), payload, taskId: 't1' })
    t.same(told, [event], 'followers are notified before the append resolves')
    t.equal(event!.payload, payload, 'the payload is the object that was passed in')
    t.equal(event!.json, '{"n":1}')
    t.equal(event!.taskId, 't1')
    t.equal(log.head, event!.cursor)
    t.same((await readAll(log, ['>'])).map(plain), [plain(event)], 'the stored event equals the one that followers got')
  })

  t.test('the agent of an event is stored with it', async t => {
    const { log, reopen } = await factory(t)
    const [told] = await append(log, { ...note(1), agentId: 'a1' }, note(2))
    t.equal(told!.agentId, 'a1')
    const agents = async (from: EventLog) => (await readAll(from, ['>'])).map(event => event.agentId)
    t.same(await agents(log), ['a1', undefined])
    t.same(await agents(await reopen()), ['a1', undefined])
  })

  t.test('concurrent appends have one order, which followers, readers and callers share', async t => {
    const { log } = await factory(t)
    const told: FleetEvent[] = []
    log.follow(events => told.push(...events))
    const results = await Promise.all(sequence(1, 200).map(n => append(log, note(n, `tasks.t${n % 7}.events`))))
    const seqs = results.map(([event]) => event!.seq)
    t.same(
      seqs,
      [...seqs].sort((a, b) => a - b),
      'in the order of the calls',
    )
    t.equal(new Set(seqs).size, 200)
    t.same(numbers(told), sequence(1, 200))
    t.same(numbers(await readAll(log, ['>'])), sequence(1, 200))
  })

  t.test('the drafts of one append are adjacent', async t => {
    const { log } = await factory(t)
    const batches = await Promise.all(sequence(1, 20).map(n => append(log, note(n), note(n), note(n))))
    for (const events of batches) t.equal(events[2]!.seq - events[0]!.seq, 2)
    t.same(
      numbers(await readAll(log, ['>'])),
      sequence(1, 20).flatMap(n => [n, n, n]),
    )
  })

  t.test('an empty append is accepted and takes no position', async t => {
    const { log } = await factory(t)
    const before = log.head
    t.same(await log.append([]), { status: 'ok', events: [] })
    t.equal(log.head, before)
  })

  t.test('drafts that break the interface are refused without affecting others', async t => {
    const { log } = await factory(t)
    const good = append(log, note(1))
    await t.rejects(log.append([{ ...note(1), expect: -1 }]), TypeError, 'not a version')
    await t.rejects(log.append([{ ...note(1), record: 'set' }]), TypeError, 'a record on a topic that has none')
    await t.rejects(log.append([{ ...commandDraft('c'), expiresAt: Number.NaN }]), TypeError, 'not a time')
    await t.rejects(log.append([{ ...note(1), payload: 1n }]), TypeError, 'not JSON')
    await t.resolves(good)
  })

  t.test('a follower that throws affects no one else, and one that has unfollowed gets no more events', async t => {
    const { log } = await factory(t)
    const seen: number[] = []
    log.follow(() => {
      throw new Error('broken follower')
    })
    const unfollow = log.follow(events => seen.push(...numbers(events)))
    await append(log, note(1))
    await append(log, note(2))
    unfollow()
    unfollow()
    await append(log, note(3))
    t.same(seen, [1, 2])
  })

  t.test('the log is read in pages, forwards and backwards', ofReads, async t => {
    const { log } = await factory(t)
    for (const n of sequence(1, 25)) await append(log, note(n, `tasks.t${n % 5}.events`))
    t.same(numbers(await readAll(log, ['tasks.*.events'], 7)), sequence(1, 25))
    t.same(numbers(await readAll(log, ['tasks.t3.events'], 2)), [3, 8, 13, 18, 23])

    const back: number[] = []
    let before: string | null = null
    for (;;) {
      const page = await log.read({ topics: ['>'], before, limit: 10 })
      if (page.status !== 'ok') throw new Error(page.reason)
      back.push(...numbers(page.events))
      before = page.next
      if (page.done) break
    }
    t.same(back, sequence(1, 25).reverse())
    t.match(await log.read({ topics: ['>'], before, limit: 10 }), { status: 'ok', events: [], done: true })
  })

  t.test('reading ends at the head and continues from there', ofReads, async t => {
    const { log } = await factory(t)
    await append(log, note(1))
    await append(log, note(2, 'agents.a1.log'))
    const page = await log.read({ topics: ['tasks.>'], limit: 10 })
    if (page.status !== 'ok') throw new Error(page.reason)
    t.equal(page.done, true)
    t.equal(page.next, log.head, 'the next cursor is the head, although the last event did not match')
    await append(log, note(3))
    t.same(numbers(await readAll(log, ['tasks.>'], 10, page.next)), [3])
  })

  t.test('an event that matches several patterns is read once', ofReads, async t => {
    const { log } = await factory(t)
    await append(log, { ...note(1, 'agents.a1.log'), taskId: 't1' })
    t.same(numbers(await readAll(log, ['agents.a1.log', 'agents.*.log', 'agents.a1.>', 'tasks.t1.>', '>'])), [1])
    t.same(numbers(await readAll(log, ['agents.a1.log', 'agents.a1.>', 'tasks.t1.>'])), [1])
    t.same(await readAll(log, ['agents.a2.>']), [])
    t.same(await readAll(log, []), [])
  })

  t.test('an event that belongs to a task is read with the task, whatever its topic', ofReads, async t => {
    const { log } = await factory(t)
    await append(log, { ...note(1, 'agents.a1.log'), taskId: 't1' })
    await append(log, note(2, 'tasks.t1.events'))
    await append(log, { ...note(3, 'agents.a2.log'), taskId: 't2' })
    await append(log, note(4, 'agents.a2.log'))
    t.same(numbers(await readAll(log, ['tasks.t1.>'])), [1, 2])
    t.same(numbers(await readAll(log, ['tasks.*.>'])), [1, 2, 3])
    t.same(numbers(await readAll(log, ['tasks.>'])), [1, 2, 3])
    t.same(numbers(await readAll(log, ['tasks.t2.agents.>'])), [3])
    t.same(numbers(await readAll(log, ['tasks.t1.*'])), [2], 'only `>` matches events of other topics')
  })

  t.test('followers get the server’s own records, but reads never return them', ofReads, async t => {
    const { log } = await factory(t)
    const told: FleetEvent[] = []
    log.follow(events => told.push(...events))
    const [hidden] = await append(log, { type: 'token:revoked', topic: '$tokens.j1', payload: { n: 1 }, record: 'set' })
    const [shown] = await append(log, note(2))
    t.same(numbers(told), [1, 2])
    t.ok(shown!.seq > hidden!.seq, 'it has a position in the order')
    t.same(numbers(await readAll(log, ['>'])), [2])
    t.same(await readAll(log, ['$tokens.j1', '$tokens.>']), [])
    t.same(numbers(await readAll(log, ['>'], 10, hidden!.cursor)), [2], 'its cursor is valid')
  })

  t.test('a cursor of the empty log reads everything appended later', async t => {
    const { log } = await factory(t)
    const start = log.head
    t.match(await log.read({ topics: ['>'], after: start, limit: 10 }), {
      status: 'ok',
      events: [],
      done: true,
      next: start,
    })
    t.match(await log.read({ topics: ['>'], before: null, limit: 10 }), { status: 'ok', events: [], done: true })
    await append(log, note(1))
    t.same(numbers(await readAll(log, ['>'], 10, start)), [1])
  })

  t.test('a cursor that cannot be served is reported as gone, with the reason', async t => {
    const harness = await factory(t)
    const { log } = harness
    const other = await harness.another()
    t.not(log.epoch, other.epoch)
    await append(log, note(1))
    for (const n of sequence(1, 3)) await append(other, note(n))
    const ahead = log.head.replace(/[^.]+$/, 'zzzz')
    for (const direction of ['after', 'before'] as const) {
      const read = (cursor: string) => log.read({ topics: ['>'], [direction]: cursor, limit: 10 })
      t.same(await read(other.head), { status: 'gone', reason: 'epoch' })
      t.same(await read(ahead), { status: 'gone', reason: 'ahead' })
      for (const cursor of ['', 'x', '.', `${log.epoch}.`, `${log.epoch}.-1`, `${log.epoch}.01`, '\u0000', 'a.b.c']) {
        t.same(await read(cursor), { status: 'gone', reason: 'malformed' }, JSON.stringify(cursor))
      }
    }
  })

  t.test('a cursor expires exactly when retention removes an event after it', async t => {
    const { log, elapse } = await factory(t, { retention: { count: 5, ms: 1e9 } })
    const start = log.head
    const events: FleetEvent[] = []
    for (const n of sequence(1, 8)) events.push(...(await append(log, note(n))))
    await elapse(60_000)
    t.same(numbers(await readAll(log, ['>'])), [4, 5, 6, 7, 8], 'reading starts at the oldest event')
    t.same(await log.read({ topics: ['>'], after: start, limit: 10 }), { status: 'gone', reason: 'expired' })
    t.same(await log.read({ topics: ['>'], after: events[1]!.cursor, limit: 10 }), {
      status: 'gone',
      reason: 'expired',
    })
    t.same(numbers(await readAll(log, ['>'], 10, events[2]!.cursor)), [4, 5, 6, 7, 8], 'nothing after it was removed')
    const back = await log.read({ topics: ['>'], before: events[4]!.cursor, limit: 10 })
    t.match(back, { status: 'ok', done: true }, 'reading backwards never expires')
    t.same(back.status === 'ok' && numbers(back.events), [4])
    t.match(await log.read({ topics: ['>'], before: events[1]!.cursor, limit: 10 }), {
      status: 'ok',
      events: [],
      done: true,
    })
  })

  t.test('events that are too old are removed; a position is never used twice', async t => {
    const harness = await factory(t, { retention: { count: 1000, ms: 10_000 } })
    const [old] = await append(harness.log, note(1))
    await harness.elapse(20_000)
    t.same(await readAll(harness.log, ['>']), [])
    t.same(numbers(await readAll(harness.log, ['>'], 10, old!.cursor)), [], 'its own cursor is still valid')
    const log = await harness.reopen()
    t.equal(log.head, old!.cursor)
    const [next] = await append(log, note(2))
    t.ok(next!.seq > old!.seq)
    t.same(numbers(await readAll(log, ['>'], 10, old!.cursor)), [2])
  })

  t.test('events survive reopening, with the same cursors', async t => {
    const harness = await factory(t)
    const events: FleetEvent[] = []
    for (const n of sequence(1, 5)) events.push(...(await append(harness.log, { ...note(n), taskId: 't9' })))
    await append(harness.log, { type: 'x', topic: '$own.x', payload: 1, record: 'set' })
    const { epoch, head } = harness.log
    const log = await harness.reopen()
    t.equal(log.epoch, epoch)
    t.equal(log.head, head, 'the head includes the server’s own records')
    t.same((await readAll(log, ['>'])).map(plain), events.map(plain))
    t.same(numbers(await readAll(log, ['>'], 10, events[2]!.cursor)), [4, 5])
  })

  t.test('payloads are read exactly as they were appended', async t => {
    const { log } = await factory(t)
    let deep: unknown = 0
    for (let i = 0; i < 96; i++) deep = [deep]
    const payloads = [
      null,
      0,
      'text',
      [],
      {},
      { text: 'é\u0000\u2028\ud83d\ude00', n: 1e300, nested: { a: [1, null] } },
      deep,
    ]
    await append(log, ...payloads.map(payload => ({ ...note(0), payload })))
    await append(log, { ...commandDraft('deep'), payload: deep })
    await append(log, { ...note(0), payload: undefined })
    const read = await readAll(log, ['>'])
    t.same(
      read.map(event => event.json),
      [...payloads, deep, null].map(payload => JSON.stringify(payload)),
    )
    t.equal(JSON.stringify(read[5]!.payload), JSON.stringify(payloads[5]))
    t.equal((await log.get('agents.a1.commands.deep'))!.json, JSON.stringify(deep))
  })

  t.test('closing settles appends in flight; later appends are unavailable and later reads reject', async t => {
    const harness = await factory(t)
    const { log } = harness
    const inFlight = sequence(1, 50).map(n => log.append([note(n)]))
    const closed = log.close()
    t.equal(log.close(), closed, 'idempotent')
    const late = await log.append([note(99)])
    t.match(late, { status: 'unavailable', retryAfterMs: Number })
    const results = await Promise.all(inFlight)
    await closed
    t.ok(results.every(result => result.status === 'ok'))
    await t.rejects(log.read({ topics: ['>'], limit: 1 }), { code: 'FLW_ERR_LOG_CLOSED' })
    await t.rejects(log.get('agents.a1.status'), { code: 'FLW_ERR_LOG_CLOSED' })
    await t.rejects(log.list({ kind: 'agent', limit: 1 }), { code: 'FLW_ERR_LOG_CLOSED' })
    await t.rejects(log.snapshot(['>']), { code: 'FLW_ERR_LOG_CLOSED' })
    t.same(numbers(await readAll(await harness.reopen(), ['>'])), sequence(1, 50))
  })

  t.test('following and then reading yields every event exactly once', async t => {
    const { log } = await factory(t)
    const writing = keepAppending(log, 300)
    await append(log, note(0))
    const live: FleetEvent[] = []
    log.follow(events => live.push(...events))
    const history = await readAll(log, ['>'], 37)
    await writing
    const last = history.at(-1)!.seq
    const seen = [...history, ...live.filter(event => event.seq > last)]
    t.same(
      seen.map(event => event.seq),
      (await readAll(log, ['>'], 1000)).map(event => event.seq),
    )
  })
}

async function keepAppending(log: EventLog, count: number): Promise<void> {
  for (let n = 1; n <= count; n += 10) await Promise.all(sequence(n, n + 9).map(i => append(log, note(i))))
}

import t from 'tap'
import type { Principal } from '../../../src/auth/principal.ts'
import { Broadcaster } from '../../../src/broadcast/broadcaster.ts'
import { FlushScheduler } from '../../../src/connections/flush-scheduler.ts'
import { framesIn } from '../../../src/frames/text-frame.ts'
import { LATEST } from '../../../src/log/draft.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { FakeSink } from '../../helpers/fake-sink.ts'
import { MemoryLog } from '../../helpers/memory-log.ts'
import { seededRandom } from '../../helpers/random.ts'

const viewer = (agents = ['*']): Principal => ({ sub: 'ann', role: 'viewer', agents, expiresAt: 0 })

function setUp() {
  const log = new MemoryLog()
  const broadcaster = new Broadcaster({ log, flusher: new FlushScheduler({ clock: new FakeClock(), flushMs: 0 }) })
  broadcaster.start()
  const join = async (patterns: string[], principal = viewer(), snapshot = true) => {
    const sink = new FakeSink()
    const subscriber = broadcaster.attach(sink, principal)
    await subscriber.subscribe(patterns, snapshot)
    return { sink, subscriber }
  }
  return { log, broadcaster, join }
}

const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

t.test('connections that get the same events share one buffer, whatever else they subscribe to', async t => {
  const { log, broadcaster, join } = setUp()
  const one = await join(['agents.>'])
  const two = await join(['agents.a.log', 'agents.b.log', 'tasks.>'])
  const three = await join(['agents.a.log'])
  log.add('agent:error', 'agents.a.log', { agentId: 'a', message: '1' })
  log.add('agent:error', 'agents.b.log', { agentId: 'b', message: '2' })
  broadcaster.deal()
  t.equal(one.sink.batches[0]!.bytes('text'), two.sink.batches[0]!.bytes('text'), 'the very same buffer')
  t.not(one.sink.batches[0]!.bytes('text'), three.sink.batches[0]!.bytes('text'))
  t.equal(one.sink.batches[0]!.events[0], three.sink.batches[0]!.events[0], 'an event is framed once')
  const frames = [...framesIn(one.sink.batches[0]!.bytes('text'))].map(({ text }) => JSON.parse(text.toString()))
  t.match(frames, [
    { type: 'agent:error', topic: 'agents.a.log', cursor: 'test.1', at: Number, payload: { message: '1' } },
    { topic: 'agents.b.log', cursor: 'test.2' },
  ])
})

t.test('[EV2] [EV4] with many topics and patterns, every receiver gets its events once, in log order', async t => {
  const random = seededRandom(3)
  const { log, broadcaster, join } = setUp()
  const topics = Array.from({ length: 8 }, (_, i) => `agents.a${i}.log`)
  const receivers = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const patterns = topics.filter(() => random.next() < 0.4)
      return { patterns, ...(await join(patterns.length > 0 ? patterns : ['agents.>'])) }
    }),
  )
  const all = Array.from({ length: 400 }, (_, i) => {
    const event = log.add('agent:error', random.pick(topics))
    if (i % 16 === 15) broadcaster.deal()
    return event
  })
  broadcaster.deal()
  for (const { patterns, sink } of receivers) {
    const due = all.filter(({ topic }) => patterns.length === 0 || patterns.includes(topic))
    t.same(
      sink.events.map(({ cursor }) => cursor),
      due.map(({ cursor }) => cursor),
    )
  }
})

t.test(
  '[PM5] [PM6] a restricted token gets only what it may see of a wildcard: in snapshots, live and in replays',
  async t => {
    const { log, broadcaster, join } = setUp()
    log.add('agent:status', 'agents.prod.status')
    log.add('agent:status', 'agents.dev.status')
    const { sink, subscriber } = await join(['>'], viewer(['dev']))
    log.add('command:queued', 'agents.prod.commands.c1', {}, 't1')
    log.add('command:queued', 'agents.dev.commands.c2', {}, 't1')
    log.add('custom:x', 'users.bob.inbox')
    log.add('custom:x', 'users.ann.inbox')
    log.add('connection:opened', 'system.connections')
    log.add('token:stored', '$tokens.1')
    broadcaster.deal()
    t.same(
      sink.frames[0]!.payload.records.map(record => record.topic),
      ['agents.dev.status'],
    )
    t.same(
      sink.events.map(event => event.topic),
      ['agents.dev.commands.c2', 'users.ann.inbox'],
    )

    const back = new FakeSink()
    await broadcaster.attach(back, viewer(['dev'])).resume('test.0', ['>'], () => {})
    t.same(
      back.events.map(event => event.topic),
      ['agents.dev.status', 'agents.dev.commands.c2', 'users.ann.inbox'],
    )

    subscriber.refresh(viewer(['prod']))
    log.add('agent:status', 'agents.dev.status')
    log.add('agent:status', 'agents.prod.status')
    broadcaster.deal()
    t.equal(sink.events.at(-1)!.topic, 'agents.prod.status')
    t.equal(sink.events.length, 3)
  },
)

t.test('[TP5] a subscriber of a task gets events about it from any topic', async t => {
  const { log, broadcaster, join } = setUp()
  const { sink } = await join(['tasks.t1.>'])
  log.add('message:delta', 'agents.a.sessions.s.messages', {}, 't1')
  log.add('message:delta', 'agents.a.sessions.s.messages', {}, 't2')
  log.add('task:progress', 'tasks.t1.status', {}, 't1')
  broadcaster.deal()
  t.same(
    sink.events.map(event => event.cursor),
    ['test.1', 'test.3'],
  )
})

t.test(
  '[SB3] a large snapshot comes in parts at the pace of its reader, followed by what happened in between',
  async t => {
    const { log, broadcaster } = setUp()
    for (let i = 0; i < 30; i++) log.add('agent:status', `agents.a${i}.status`, { detail: 'x'.repeat(100_000) })
    const sink = new FakeSink()
    sink.busy = true
    const joined = broadcaster.attach(sink, viewer()).subscribe(['agents.>'], true)
    await settle()
    t.equal(sink.frames.length, 1, 'the second part waits')
    log.add('agent:error', 'agents.a1.log')
    for (let i = 0; i < 5; i++) {
      sink.drain()
      await settle()
    }
    await joined
    log.add('agent:error', 'agents.a2.log')
    broadcaster.deal()
    t.same(
      sink.frames.map(({ payload }) => payload.more ?? false),
      [true, true, false],
    )
    t.equal(sink.frames.flatMap(({ payload }) => payload.records).length, 30)
    t.same([...new Set(sink.frames.map(({ payload }) => payload.cursor))], ['test.u'])
    t.same(
      sink.events.map(event => event.cursor),
      ['test.v', 'test.w'],
    )
  },
)

t.test(
  '[RS1] [EV6] a resume is complete: pages, then done, then live events; even from before the first event',
  async t => {
    const { log, broadcaster } = setUp()
    const early = new FakeSink()
    const decided: object[] = []
    await broadcaster.attach(early, viewer()).resume('test.0', ['>'], outcome => decided.push(outcome))
    for (let i = 0; i < 1700; i++) log.add('agent:error', `agents.a${i % 3}.log`)
    broadcaster.deal()
    const late = new FakeSink()
    await broadcaster.attach(late, viewer()).resume('test.5', ['agents.a1.log'], outcome => decided.push(outcome))
    log.add('agent:error', 'agents.a1.log')
    broadcaster.deal()
    t.same(decided, [{ resumed: true }, { resumed: true }])
    t.equal(early.events.length, 1701)
    t.same(late.events, early.events.filter(event => event.topic === 'agents.a1.log').slice(2))
    const done = late.given.findIndex(item => 'frame' in item && item.frame === 'resume:done')
    t.equal(done, late.given.length - 2, 'resume:done comes between replay and live events')
  },
)

t.test('[RS2] a cursor that cannot be resumed gets resumed false with the reason, then snapshots', async t => {
  const { log, broadcaster } = setUp()
  for (let i = 0; i < 10; i++) log.add('agent:status', 'agents.a.status')
  log.forget(5)
  const reasons = { 'test.4': 'expired', 'test.z': 'ahead', 'other.4': 'epoch', nonsense: 'malformed' }
  for (const [cursor, reason] of Object.entries(reasons)) {
    const sink = new FakeSink()
    const decided: object[] = []
    await broadcaster.attach(sink, viewer()).resume(cursor, ['agents.>'], outcome => decided.push(outcome))
    t.same(decided, [{ resumed: false, reason }])
    t.same(
      sink.given.map(item => ('frame' in item ? item.frame : item.type)),
      ['snapshot'],
    )
  }
})

t.test(
  '[RS4] when retention overtakes a slow reader in mid-replay, it gets resync:required and snapshots, not a silent gap',
  async t => {
    const { log, broadcaster } = setUp()
    for (let i = 0; i < 1200; i++) log.add('agent:error', 'agents.a.log')
    log.add('agent:status', 'agents.a.status')
    const sink = new FakeSink()
    sink.busy = true
    const resumed = broadcaster.attach(sink, viewer()).resume('test.0', ['agents.>'], () => {})
    await settle()
    log.forget(1000)
    for (let i = 0; i < 5; i++) {
      sink.drain()
      await settle()
    }
    await resumed
    t.equal(sink.events.length, 256, 'the first page')
    t.match(sink.frames, [
      { frame: 'resync:required', payload: { topics: ['agents.>'], reason: 'expired' } },
      { frame: 'snapshot', payload: { records: [{ topic: 'agents.a.status' }] } },
    ])
  },
)

/** Reads are executed at once, but resolve when the returned function is called. */
function lateReads(log: MemoryLog): () => void {
  const read = log.read.bind(log)
  let answer = () => {}
  const isTime = new Promise<void>(resolve => (answer = resolve))
  log.read = async query => {
    const result = await read(query)
    await isTime
    return result
  }
  return answer
}

t.test('[RS1] a page that was read for another subscriber, before the newest events, leaves no gap', async t => {
  const { log, broadcaster } = setUp()
  for (let n = 0; n < 3; n++) log.add('agent:error', 'agents.a.log')
  const answer = lateReads(log)
  const sinks = [new FakeSink(), new FakeSink()]
  const resumes = []
  for (const sink of sinks) {
    resumes.push(broadcaster.attach(sink, viewer()).resume('test.0', ['agents.>'], () => {}))
    await settle()
    log.add('agent:error', 'agents.b.log')
    broadcaster.deal()
  }
  answer()
  await Promise.all(resumes)
  const due = ['test.1', 'test.2', 'test.3', 'test.4', 'test.5']
  for (const { events } of sinks)
    t.same(
      events.map(({ cursor }) => cursor),
      due,
    )
})

t.test('[RS1] more events than can be held during the last page are read from the log', async t => {
  const { log, broadcaster } = setUp()
  log.add('agent:error', 'agents.a.log')
  const answer = lateReads(log)
  const sink = new FakeSink()
  const resumed = broadcaster.attach(sink, viewer()).resume('test.0', ['agents.>'], () => {})
  await settle()
  for (let n = 0; n < 4; n++) {
    log.add('agent:error', 'agents.b.log', { agentId: 'b', message: 'x'.repeat(400 * 1024) })
    broadcaster.deal()
  }
  answer()
  await resumed
  t.same(
    sink.events.map(({ cursor }) => cursor),
    ['test.1', 'test.2', 'test.3', 'test.4', 'test.5'],
  )
})

t.test('[SB1] a store that is ahead of the delivered events causes neither gap nor duplicate', async t => {
  const { log, broadcaster } = setUp()
  log.lagging = true
  log.add('agent:status', 'agents.a.status')
  const sink = new FakeSink()
  const joined = broadcaster.attach(sink, viewer()).subscribe(['agents.>'], true)
  await settle()
  log.add('agent:error', 'agents.a.log')
  log.tell()
  await joined
  log.add('agent:error', 'agents.b.log')
  log.tell()
  broadcaster.deal()
  t.equal(sink.frames[0]!.payload.cursor, 'test.1')
  t.same(
    sink.events.map(event => event.cursor),
    ['test.2', 'test.3'],
  )
})

t.test('[SB1] [SB8] [SB11] subscribing at random among appends: no gap, no duplicate, always in order', async t => {
  const place = (cursor: string) => Number.parseInt(cursor.split('.')[1]!, 36)
  const topics = ['agents.a.log', 'agents.b.log', 'agents.c.status']
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed)
    const { log, broadcaster } = setUp()
    const sink = new FakeSink()
    const subscriber = broadcaster.attach(sink, viewer())
    const appended: { cursor: string; topic: string }[] = []
    const requests: Promise<void>[] = []
    let release = () => {}
    for (let step = 0; step < 120; step++) {
      const dice = random.next()
      if (dice < 0.5) appended.push(log.add('agent:error', random.pick(topics)))
      else if (dice < 0.6) broadcaster.deal()
      else if (dice < 0.7) requests.push(subscriber.subscribe([random.pick([...topics, 'agents.>'])], true))
      else if (dice < 0.75) {
        release()
        release = log.hold()
      } else if (dice < 0.85) release()
      else if (dice < 0.9) sink.busy = !sink.busy
      else await settle()
      if (!sink.busy) sink.drain()
    }
    sink.busy = false
    sink.drain()
    release()
    await Promise.all(requests)
    appended.push(log.add('agent:error', 'agents.a.log'))
    broadcaster.deal()

    const dueAfter = new Map<string, number>()
    const got = new Set<string>()
    let at = 0
    for (const item of sink.given) {
      const cursor = 'frame' in item ? (item.payload as { cursor: string }).cursor : item.cursor
      if (place(cursor) < at) t.fail(`seed ${seed}: ${cursor} after ${at}`)
      at = place(cursor)
      if ('frame' in item) {
        const { topics: named } = item.payload as { topics: string[] }
        for (const topic of named.includes('agents.>') ? topics : named) {
          if (!dueAfter.has(topic)) dueAfter.set(topic, at)
        }
      } else if (got.has(cursor)) t.fail(`seed ${seed}: ${cursor} twice`)
      else got.add(cursor)
    }
    const due = appended.filter(
      ({ topic, cursor }) => place(cursor) > (dueAfter.get(topic) ?? Number.POSITIVE_INFINITY),
    )
    for (const { cursor } of due) if (!got.has(cursor)) t.fail(`seed ${seed}: ${cursor} is missing`)
    if (got.size !== due.length) t.fail(`seed ${seed}: ${got.size} given, ${due.length} due`)
  }
  t.pass('60 seeds')
})

t.test(
  '[SB2] [SB6] without a snapshot a subscription is live at once; after unsubscribe only other matching patterns remain',
  async t => {
    const { log, broadcaster, join } = setUp()
    log.add('agent:status', 'agents.a.status')
    const { sink, subscriber } = await join(['agents.a.>', 'agents.*.log'], viewer(), false)
    log.add('agent:status', 'agents.a.status')
    log.add('agent:error', 'agents.a.log')
    await subscriber.unsubscribe(['agents.a.>', 'never.asked'])
    log.add('agent:status', 'agents.a.status')
    log.add('agent:error', 'agents.a.log')
    broadcaster.deal()
    t.same(
      sink.given.map(item => ('frame' in item ? item.frame : item.cursor)),
      ['test.2', 'test.3', 'test.5'],
    )
  },
)

t.test(
  '[RS5] a client that already has subscriptions is not resumed, and gets a snapshot of the added patterns',
  async t => {
    const { log, broadcaster, join } = setUp()
    const { sink, subscriber } = await join(['tasks.>'])
    log.add('agent:status', 'agents.a.status')
    const decided: object[] = []
    await subscriber.resume('test.0', ['agents.>'], outcome => decided.push(outcome))
    broadcaster.deal()
    t.same(decided, [{ resumed: false, reason: 'subscribed' }])
    t.equal(sink.frames.at(-1)!.payload.records.length, 1)
    t.same(subscriber.patterns, ['tasks.>', 'agents.>'])
  },
)

t.test('[EV10] an ephemeral event that arrives while a pattern is added reaches the earlier patterns', async t => {
  const summary = 'agents.a.summary'
  for (const pattern of ['tasks.>', 'agents.>']) {
    const { log, broadcaster, join } = setUp()
    const { sink, subscriber } = await join(['agents.*.summary'])
    const release = log.hold()
    const joining = subscriber.subscribe([pattern], true)
    await settle()
    log.add('agent:summary', LATEST + summary, { agentId: 'a' })
    log.add('agent:error', 'agents.b.log', { agentId: 'b', message: '' })
    broadcaster.deal()
    release()
    await joining
    t.match(sink.events, [{ topic: summary, cursor: 'test.2' }], pattern)
  }
})

t.test('[EV10] a resuming client gets the latest ephemeral events, whatever an earlier replay skipped', async t => {
  const { log, broadcaster } = setUp()
  for (const agentId of ['a', 'b', 'b']) log.add('agent:summary', `${LATEST}agents.${agentId}.summary`, { agentId })
  const told = log.add('agent:error', 'agents.a.log')
  const sink = new FakeSink()
  await broadcaster.attach(sink, viewer(['b'])).resume(told.cursor, ['agents.>'], () => {})
  t.match(sink.given, [{ frame: 'resume:done' }, { topic: 'agents.b.summary', cursor: told.cursor }])
})

t.test('[EV10] a snapshot shows ephemeral events even if the store is ahead of the delivered events', async t => {
  const { log, broadcaster } = setUp()
  log.lagging = true
  const sink = new FakeSink()
  log.add('agent:summary', `${LATEST}agents.a.summary`, { agentId: 'a' })
  const joined = broadcaster.attach(sink, viewer()).subscribe(['agents.>'], true)
  await settle()
  log.tell()
  await joined
  t.match(sink.frames, [{ frame: 'snapshot', payload: { records: [{ topic: 'agents.a.summary' }] } }])
})

t.test('a closed subscriber gets nothing and leaves nothing behind', async t => {
  const { log, broadcaster, join } = setUp()
  const { sink, subscriber } = await join(['agents.>'])
  const release = log.hold()
  const joining = subscriber.subscribe(['tasks.>'], true)
  await settle()
  subscriber.close()
  release()
  await joining
  await subscriber.subscribe(['agents.>'], true)
  log.add('agent:error', 'agents.a.log')
  broadcaster.deal()
  t.equal(sink.events.length, 0)
  t.equal(broadcaster.stats().subscribers, 0)
})

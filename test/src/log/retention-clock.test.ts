import t from 'tap'
import { RetentionClock } from '../../../src/log/retention-clock.ts'
import { append, commandDraft, note } from '../../contract/event-log-harness.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { openLog, temporaryFolder } from '../../helpers/log-folder.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const FAR = 40 * DAY

/** Lets time pass for a process that reads the clock every ten minutes. */
function run(clock: FakeClock, time: RetentionClock, ms: number): void {
  for (let passed = 0; passed < ms; passed += 10 * MINUTE) {
    clock.advance(10 * MINUTE)
    time.now()
  }
}

t.test('it follows a wall clock that runs evenly, drifts, or goes back', async t => {
  const clock = new FakeClock()
  const time = new RetentionClock(clock, undefined)
  t.equal(time.now(), clock.now())
  clock.advance(9 * HOUR)
  t.equal(time.now(), clock.now())
  clock.jump(2 * MINUTE)
  t.equal(time.now(), clock.now())
  clock.jump(-HOUR)
  t.equal(time.now(), clock.now(), 'then less is removed')
  clock.jump(HOUR)
  t.equal(time.now(), clock.now())
})

t.test('[EV9] a jump ahead is trusted only after the clock has run evenly for a day', async t => {
  const clock = new FakeClock()
  const time = new RetentionClock(clock, undefined)
  const begin = clock.now()
  clock.jump(FAR)
  run(clock, time, 23 * HOUR)
  t.equal(time.now(), begin + 23 * HOUR)
  t.ok(time.isWaiting)
  clock.jump(-FAR)
  t.equal(time.now(), clock.now(), 'and back')
  t.notOk(time.isWaiting)
  clock.jump(FAR)
  run(clock, time, 12 * HOUR)
  clock.jump(DAY)
  run(clock, time, 23 * HOUR)
  t.ok(time.isWaiting, 'another jump restarts the period')
  run(clock, time, 2 * HOUR)
  t.equal(time.now(), clock.now())
})

t.test('[EV9] a jump between two processes is not trusted either, but a short downtime is', async t => {
  const clock = new FakeClock()
  const stored = clock.now()
  clock.jump(20 * HOUR)
  t.equal(new RetentionClock(clock, stored).now(), clock.now())
  clock.jump(FAR)
  const time = new RetentionClock(clock, stored)
  t.equal(time.now(), stored)
  run(clock, time, 25 * HOUR)
  t.equal(time.now(), clock.now())
  clock.jump(-365 * DAY)
  t.equal(new RetentionClock(clock, stored).now(), clock.now(), 'a year back')
})

t.test('[EV9] a clock that jumps ahead and back, in one process or between two, removes nothing', async t => {
  const dir = temporaryFolder(t)
  const clock = new FakeClock()
  const notes: string[] = []
  const options = { dir, clock, retention: { count: 1e9, ms: 7 * DAY }, onNote: (said: string) => notes.push(said) }
  const first = await openLog(t, options)
  await first.retain()
  await append(first, note(1), { ...commandDraft('c1'), expiresAt: clock.now() + 30 * DAY })
  await append(first, { type: 'x', topic: '$own.x', payload: 1, record: 'set', expiresAt: clock.now() + DAY })
  const whole = async (log: typeof first) => {
    await log.retain()
    const page = await log.read({ topics: ['>'], limit: 10 })
    t.equal(page.status === 'ok' && page.events.length, 2)
    t.ok(await log.get('$own.x'))
    t.equal((await log.list({ kind: 'command', limit: 10 })).records.length, 1)
  }
  clock.jump(FAR)
  await whole(first)
  t.equal(notes.length, 1)
  t.match(notes[0], /clock jumped far ahead/)
  await append(first, { type: 'x', topic: '$own.y', payload: 1, record: 'set' })
  await first.close()
  const second = await openLog(t, options)
  await whole(second)
  clock.jump(-FAR)
  await whole(second)
  await second.close()
  clock.jump(-365 * DAY)
  await whole(await openLog(t, options))
})

t.test('events over the byte limit are removed, oldest first, and the log warns at 80 %', async t => {
  const dir = temporaryFolder(t)
  const notes: string[] = []
  const options = { dir, retention: { count: 1e9, bytes: 10_000_000, ms: 1e12 }, onNote: (s: string) => notes.push(s) }
  const log = await openLog(t, options)
  const large = (n: number) => ({ ...note(n), payload: { n, text: 'é'.repeat(100_000) } })
  for (let n = 0; n < 39; n++) await append(log, large(n))
  await log.retain()
  t.match(log.usage, { events: 39, limitBytes: 10_000_000 })
  t.equal(notes.length, 0)
  for (let n = 39; n < 45; n++) await append(log, large(n))
  await log.retain()
  t.match(notes, [/^events fill 90 % of EVENT_RETENTION_BYTES/])
  for (let n = 45; n < 200; n++) await append(log, large(n))
  await log.retain()
  t.equal(notes.length, 1)
  t.equal(log.usage.events, 49)
  t.ok(log.usage.bytes <= 10_000_000)
  await log.close()
  const again = await openLog(t, options)
  await again.retain()
  t.equal(again.usage.events, 49, 'the number of bytes is stored')
  const page = await again.read({ topics: ['>'], limit: 500 })
  t.equal(page.status === 'ok' && (page.events[0]!.payload as { n: number }).n, 151)
})

import t from 'tap'
import { FlushTiming } from './flush-timing.ts'
import { FakeClock } from './testing/fake-clock.ts'

function timing() {
  const clock = new FakeClock()
  const start = clock.now()
  const flushes: number[] = []
  return { clock, flushes, flush: new FlushTiming(clock, () => flushes.push(clock.now() - start)) }
}

/** Runs the work that is due at the end of the turn. */
const turn = () => Promise.resolve()

t.test('frames due in one turn are flushed once, at its end', async t => {
  const { flush, flushes, clock } = timing()
  flush.soon()
  flush.within(20)
  flush.soon()
  t.same(flushes, [])
  await turn()
  t.same(flushes, [0])
  clock.advance(1_000)
  t.same(flushes, [0])
})

t.test('within flushes at once after a pause, else when the time since the last flush is over', async t => {
  const { flush, flushes, clock } = timing()
  flush.within(20)
  await turn()
  clock.advance(5)
  flush.within(20)
  clock.advance(10)
  flush.within(20)
  await turn()
  t.same(flushes, [0])
  clock.advance(100)
  t.same(flushes, [0, 20])
  flush.within(20)
  await turn()
  t.same(flushes, [0, 20, 115])
})

t.test('soon overtakes a scheduled flush and replaces it', async t => {
  const { flush, flushes, clock } = timing()
  flush.soon()
  await turn()
  clock.advance(5)
  flush.within(20)
  t.equal(clock.timers, 1)
  flush.soon()
  t.equal(clock.timers, 0)
  await turn()
  t.same(flushes, [0, 5])
})

t.test('nothing is due after a stop', async t => {
  const { flush, flushes, clock } = timing()
  flush.soon()
  flush.stop()
  await turn()
  flush.soon()
  await turn()
  flush.within(20)
  flush.stop()
  t.equal(clock.timers, 0)
  clock.advance(100)
  t.same(flushes, [0])
})

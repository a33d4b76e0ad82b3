import t from 'tap'
import { FlushTiming } from '../flush-timing.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { Coalescer } from './coalescer.ts'

function coalescer() {
  const clock = new FakeClock()
  const start = clock.now()
  const flushes: number[] = []
  const flush = new FlushTiming(clock, () => flushes.push(clock.now() - start))
  return { clock, flushes, coalescer: new Coalescer(clock, flush) }
}

/** Advances the clock, one millisecond and one turn at a time. */
async function pass(clock: FakeClock, ms: number, each: () => void = () => {}) {
  for (let i = 0; i < ms; i++) {
    each()
    await Promise.resolve()
    clock.advance(1)
  }
}

t.test('a run that streams is sent every 20 ms, its first piece at once', async t => {
  const { clock, flushes, coalescer: it } = coalescer()
  await pass(clock, 70, () => it.appended('a'))
  await pass(clock, 100)
  t.same(flushes, [0, 20, 40, 60, 80])
  it.appended('a')
  await pass(clock, 1)
  t.same(flushes.slice(5), [170])
})

t.test('many runs share their flushes; the first piece of an idle one does not wait', async t => {
  const { clock, flushes, coalescer: it } = coalescer()
  let n = 0
  await pass(clock, 45, () => it.appended(`run ${n++ % 10}`))
  t.same(flushes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 29])
  it.appended('another')
  await pass(clock, 1)
  t.same(flushes.slice(11), [45])
})

t.test('runs that write more slowly than that are not delayed', async t => {
  const { clock, flushes, coalescer: it } = coalescer()
  for (let i = 0; i < 4; i++) {
    it.appended('a')
    await pass(clock, 30)
  }
  t.same(flushes, [0, 30, 60, 90])
})

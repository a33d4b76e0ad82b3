import t from 'tap'
import { Deadlines } from '../../src/deadlines.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

const DAY = 86_400_000

function setUp() {
  const clock = new FakeClock()
  const fired: string[] = []
  const deadlines = new Deadlines(clock)
  const set = (key: string, delayMs: number) => deadlines.set(key, delayMs, () => fired.push(key))
  return { clock, deadlines, fired, set }
}

t.test('[LV5] a deadline fires once, at its time, however the wall clock jumps', async t => {
  const { clock, deadlines, fired, set } = setUp()
  set('a', 1000)
  clock.jump(DAY)
  clock.advance(999)
  t.same(fired, [])
  t.ok(deadlines.has('a'))
  clock.jump(-2 * DAY)
  clock.advance(1)
  t.same(fired, ['a'])
  t.notOk(deadlines.has('a'))
  clock.advance(DAY)
  t.same(fired, ['a'])
})

t.test('[LV7] setting a key again replaces its deadline; a cleared one never fires', async t => {
  const { clock, deadlines, fired, set } = setUp()
  set('a', 1000)
  set('b', 1500)
  clock.advance(900)
  set('a', 1000)
  clock.advance(900)
  t.same(fired, ['b'])
  deadlines.clear('a')
  deadlines.clear('never set')
  clock.advance(DAY)
  t.same(fired, ['b'])
  t.equal(clock.pending, 0)
})

t.test('[LV7] clearing all leaves no timer behind', async t => {
  const { clock, deadlines, fired, set } = setUp()
  for (let i = 0; i < 5; i++) set(`key ${i}`, 100 * i)
  deadlines.stop()
  t.equal(clock.pending, 0)
  clock.advance(DAY)
  t.same(fired, [])
})

t.test('[LV5] a deadline that is already due fires in a later turn', async t => {
  const { clock, fired, set } = setUp()
  set('past', -5000)
  t.same(fired, [])
  clock.advance(0)
  t.same(fired, ['past'])
})

t.test('[LV7] a deadline may set itself again', async t => {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock)
  const times: number[] = []
  const again = () => {
    times.push(clock.monotonic())
    if (times.length < 3) deadlines.set('a', 1000, again)
  }
  deadlines.set('a', 1000, again)
  clock.advance(10_000)
  t.same(times, [1000, 2000, 3000])
  t.equal(clock.pending, 0)
})

t.test('[LV6] a deadline that fires late because the process was suspended is postponed by 5 s', async t => {
  const { clock, deadlines, fired, set } = setUp()
  set('stalled', 1000)
  set('later', 60_000)
  clock.stall(10_000)
  t.same(fired, [])
  t.ok(deadlines.has('stalled'), 'it is still set')
  clock.advance(4999)
  t.same(fired, [])
  clock.advance(1)
  t.same(fired, ['stalled'])
  clock.advance(45_000)
  t.same(fired, ['stalled', 'later'], 'a deadline that was not due yet keeps its time')
})

t.test('[LV6] it is postponed again when the process stands still again', async t => {
  const { clock, fired, set } = setUp()
  set('a', 1000)
  for (let times = 0; times < 3; times++) clock.stall(10_000)
  t.same(fired, [], 'nothing was read in between')
  clock.advance(4999)
  t.same(fired, [])
  clock.advance(1)
  t.same(fired, ['a'])
})

t.test('[LV6] a postponed deadline can still be cleared', async t => {
  const { clock, deadlines, fired, set } = setUp()
  set('a', 1000)
  clock.stall(10_000)
  deadlines.clear('a')
  clock.advance(DAY)
  t.same(fired, [])
})

t.test('[LV6] a deadline that fires a little late counts as on time', async t => {
  const { clock, fired, set } = setUp()
  set('a', 1000)
  clock.stall(3000)
  t.same(fired, ['a'])
})

t.test('[LV5] deadlines beyond the longest timer keep their time', async t => {
  const { clock, fired, set } = setUp()
  set('far', 60 * DAY)
  clock.advance(60 * DAY - 1)
  t.same(fired, [])
  clock.advance(1)
  t.same(fired, ['far'])
})

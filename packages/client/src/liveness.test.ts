import t from 'tap'
import { Liveness } from './liveness.ts'
import { FakeClock } from './testing/fake-clock.ts'

function watch() {
  const clock = new FakeClock()
  const seen: string[] = []
  const liveness = new Liveness(clock, 10_000, { probe: () => seen.push('probe'), dead: () => seen.push('dead') })
  return { clock, seen, liveness }
}

t.test('after one silent interval it asks, after two the link is dead', async t => {
  const { clock, seen } = watch()
  clock.advance(9_999)
  t.same(seen, [])
  clock.advance(1)
  t.same(seen, ['probe'])
  clock.advance(9_999)
  t.same(seen, ['probe'])
  clock.advance(1)
  t.same(seen, ['probe', 'dead'])
  t.equal(clock.timers, 0)
})

t.test('any sign of life restarts the count', async t => {
  const { clock, seen, liveness } = watch()
  for (let i = 0; i < 10; i++) {
    clock.advance(9_000)
    liveness.heard()
  }
  t.same(seen, [])
  liveness.stop()
  t.equal(clock.timers, 0)
})

t.test('after a sleep the other side is asked first, and gets a short grace', async t => {
  const { clock, seen, liveness } = watch()
  clock.sleep(3_600_000)
  t.same(seen, ['probe'], 'not dead: its frames may be waiting unread')
  liveness.heard()
  clock.advance(5_000)
  t.same(seen, ['probe'])
  clock.sleep(3_600_000)
  clock.advance(4_999)
  t.same(seen, ['probe', 'probe'])
  clock.advance(1)
  t.same(seen, ['probe', 'probe', 'dead'])
})

t.test('a wall clock that is set back does not hide a dead link', async t => {
  const { clock, seen, liveness } = watch()
  liveness.heard()
  clock.sleep(-3_600_000)
  clock.advance(3_600_000 + 10_000)
  clock.advance(20_000)
  t.ok(seen.includes('dead'))
})

t.test('a doubtful link is asked at once and must answer soon, however recently it was heard', async t => {
  const { clock, seen, liveness } = watch()
  clock.advance(9_000)
  liveness.heard()
  clock.advance(1_000)
  liveness.check()
  t.same(seen, ['probe'])
  clock.advance(4_000)
  liveness.heard()
  clock.advance(9_000)
  t.same(seen, ['probe'])
  liveness.check()
  clock.advance(4_999)
  t.same(seen, ['probe', 'probe'])
  clock.advance(1)
  t.same(seen, ['probe', 'probe', 'dead'])
  t.equal(clock.timers, 0)
})

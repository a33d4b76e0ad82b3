import t from 'tap'
import { Admission } from '../../../src/connections/admission.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

function setUp(ratePerSecond = 100, maxWaitMs = 1000) {
  const clock = new FakeClock()
  const admission = new Admission(clock, { ratePerSecond, maxWaitMs })
  const entered: (string | number)[] = []
  const enter = (who: number) => admission.enter(retryAfterMs => entered.push(retryAfterMs ?? `${who}`))
  return { clock, admission, entered, enter }
}

t.test('[LM11] a burst is admitted at once, the others in turn at the rate, and no timer is left', async t => {
  const { clock, admission, entered, enter } = setUp()
  for (let i = 0; i < 60; i++) enter(i)
  t.equal(entered.length, 10)
  t.equal(admission.waiting, 50)
  clock.advance(250)
  t.equal(entered.length, 35)
  enter(60)
  t.equal(entered.length, 35, 'nobody overtakes')
  clock.advance(1000)
  t.same(
    entered,
    Array.from({ length: 61 }, (_, i) => `${i}`),
  )
  t.equal(clock.pending, 0)
})

t.test('[LM11] a client that would wait too long is told to come back', async t => {
  const { clock, admission, entered, enter } = setUp()
  for (let i = 0; i < 120; i++) enter(i)
  t.equal(admission.waiting, 101)
  t.same(entered.slice(10), Array(9).fill(1010))
  clock.advance(1010)
  t.equal(entered.length, 120)
})

t.test('closing refuses clients that wait and clients that come later', async t => {
  const { clock, admission, entered, enter } = setUp()
  for (let i = 0; i < 12; i++) enter(i)
  admission.close()
  enter(13)
  t.same(entered.slice(10), [1000, 1000, 1000])
  t.same([admission.waiting, clock.pending], [0, 0])
})

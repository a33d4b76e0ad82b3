import t from 'tap'
import { Pace } from './pace.ts'

t.test('fast only while many blocks a second are added', async t => {
  const pace = new Pace()
  pace.note(500, 10_000)
  t.equal(pace.isFast, false, 'what was there at first is no growth')
  for (let i = 1; i <= 10; i++) pace.note(500 + i, 10_000 + i * 90)
  t.equal(pace.isFast, false)
  for (let i = 1; i <= 40; i++) pace.note(510 + i, 11_000 + i * 20)
  t.equal(pace.isFast, true)
  pace.note(551, 12_100)
  t.equal(pace.isFast, true, 'the second before counts too')
  pace.note(552, 20_000)
  t.equal(pace.isFast, false)
})

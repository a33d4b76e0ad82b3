import t from 'tap'
import { age, ago, bytes, clockTime, elapsed, money, plural, took } from './format.ts'

t.test('a running clock shows minutes and seconds, then hours, then days', async t => {
  t.equal(elapsed(0), '0:00')
  t.equal(elapsed(42_999), '0:42')
  t.equal(elapsed(860_000), '14:20')
  t.equal(elapsed(4_364_000), '1:12:44')
  t.equal(elapsed(2 * 86_400_000 + 3 * 3_600_000), '2d 3h')
  t.equal(elapsed(-5000), '0:00', 'a clock that went back')
})

t.test('an age has one unit', async t => {
  t.same([0, 1999, 2000, 59_999, 60_000, 3_599_999, 3_600_000, 86_400_000].map(age), [
    ...['now', 'now', '2s', '59s', '1m', '59m', '1h', '1d'],
  ])
  t.equal(age(-1), 'now')
  t.equal(ago(240_000), '4m ago')
  t.equal(ago(0), 'now')
})

t.test('sizes, money, durations and counts', async t => {
  t.same([0, 1023, 1024, 1536, 1024 ** 2 * 150, 1024 ** 5].map(bytes), [
    ...['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '150 MiB', '1024 TiB'],
  ])
  t.same([0, 0.001, 0.84, 12].map(money), ['$0.00', '<$0.01', '$0.84', '$12.00'])
  t.same([-3, 40.4, 1234, 188_000].map(took), ['0 ms', '40 ms', '1.2 s', '3:08'])
  t.same([plural(1, 'agent'), plural(1004, 'agent')], ['1 agent', '1,004 agents'])
})

t.test('a time of another day has its date', async t => {
  const at = new Date(2026, 4, 3, 9, 5, 7).getTime()
  t.match(clockTime(at, at + 1000), /^0?9:05:07$/)
  t.match(clockTime(at, at + 2 * 86_400_000), /May|3/)
})

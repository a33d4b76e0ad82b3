import t from 'tap'
import { FrameLimits } from '../../../src/connections/frame-limits.ts'
import { KeyedBuckets } from '../../../src/connections/keyed-buckets.ts'
import { TokenBucket } from '../../../src/connections/rate-limit.ts'
import { Refusals } from '../../../src/connections/refusals.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

t.test('a bucket allows its burst at once, then its rate, and says when the next may pass', async t => {
  const bucket = new TokenBucket({ ratePerSecond: 125, burst: 3 }, 0)
  t.same(
    [0, 0, 0, 0].map(now => bucket.take(now)),
    [0, 0, 0, 8],
  )
  t.equal(bucket.take(7), 1)
  t.equal(bucket.take(8), 0)
  t.notOk(bucket.isFull(31))
  t.ok(bucket.isFull(32))
  t.equal(bucket.take(30), 0, 'a clock that goes back takes nothing away')
})

t.test('keys are independent, and forgotten when their bucket is full again', async t => {
  const buckets = new KeyedBuckets({ ratePerSecond: 1, burst: 1 })
  t.equal(buckets.take('a', 0), 0)
  t.equal(buckets.take('b', 0), 0)
  t.equal(buckets.take('a', 0), 1000)
  for (let i = 0; i < 5000; i++) buckets.take(`stranger ${i}`, i)
  t.ok(buckets.size < 2200, `${buckets.size} are remembered: those of the last second, at most twice as many`)
  for (let i = 0; i < 110_000; i++) buckets.take(`at once ${i}`, 10_000)
  t.ok(buckets.size <= 100_000, 'bounded, whatever happens')
})

t.test('[LM2] [LM8] frames count for their connection, their subject and their address', async t => {
  const clock = new FakeClock()
  const refusals = new Refusals()
  const rates = { frameRate: 1, frameBurst: 4, agentFrameRate: 2, frameRatePerPrincipal: 3, frameRatePerAddress: 4 }
  const limits = new FrameLimits(clock, refusals, rates)
  const take = (gate: ReturnType<FrameLimits['gate']>, count: number) =>
    Array.from({ length: count }, () => gate.take()?.limit ?? 'ok').filter((limit, i, all) => all[i - 1] !== limit)
  const ann1 = limits.gate('ann', '192.0.2.1', 'dashboard')
  t.same(take(ann1, 5), ['ok', 'frames_per_connection'])
  const ann2 = limits.gate('ann', '192.0.2.2', 'dashboard')
  t.same(take(ann2, 3), ['ok', 'frames_per_principal'])
  const bob = limits.gate('bob', '192.0.2.1', 'dashboard')
  t.same(take(bob, 4), ['ok'])
  t.same(take(limits.gate('cyd', '192.0.2.1', 'dashboard'), 1), ['frames_per_address'])
  clock.advance(1000)
  t.same(take(ann2, 1), ['ok'])
  t.match(Object.fromEntries(refusals.counts()), {
    ...{ frames_per_connection: 1, frames_per_principal: 1, frames_per_address: 1 },
  })
})

t.test('[LM15] an agent has its own rate, and twice the burst', async t => {
  const rates = {
    ...{ frameRate: 1, frameBurst: 1, agentFrameRate: 20 },
    ...{ frameRatePerPrincipal: 1000, frameRatePerAddress: 1000 },
  }
  const gate = new FrameLimits(new FakeClock(), new Refusals(), rates).gate('a1', '192.0.2.1', 'agent')
  const passed = Array.from({ length: 50 }, () => gate.take()).filter(excess => excess === undefined)
  t.equal(passed.length, 40)
})

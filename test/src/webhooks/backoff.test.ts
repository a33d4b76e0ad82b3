import t from 'tap'
import { backoffMs, retryAfterMs } from '../../../src/webhooks/backoff.ts'

const HOUR = 3_600_000

t.test('[WH5] waits double up to an hour, each randomly shortened by up to half', async t => {
  const full = [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600].map(seconds => seconds * 1000)
  for (const [i, ms] of full.entries()) {
    t.equal(backoffMs(i + 1, 1), ms)
    t.equal(backoffMs(i + 1, 0), ms / 2)
  }
  t.equal(backoffMs(10_000, 1), HOUR)
})

t.test('[WH5] Retry-After is the minimum wait, up to a day', async t => {
  t.equal(backoffMs(1, 1, 90_000), 90_000)
  t.equal(backoffMs(12, 1, 90_000), HOUR)
  t.equal(backoffMs(1, 1, 900 * HOUR), 24 * HOUR)
})

t.test('Retry-After is seconds or a date, anything else is ignored', async t => {
  const now = Date.UTC(2026, 0, 1, 12)
  t.equal(retryAfterMs('120', now), 120_000)
  t.equal(retryAfterMs(' 0 ', now), 0)
  t.equal(retryAfterMs('Thu, 01 Jan 2026 12:01:00 GMT', now), 60_000)
  t.equal(retryAfterMs('Thu, 01 Jan 2026 11:00:00 GMT', now), 0)
  for (const header of [undefined, '', 'soon', '-5', '1.5', '1e3', '99999999999'])
    t.equal(retryAfterMs(header, now), undefined, String(header))
})

import t from 'tap'
import { systemClock } from '../../../src/clock.ts'
import { OpeningLog } from '../../../src/log/sqlite-opening.ts'

const retention = { count: 1000, bytes: 1_000_000, ms: 1_000_000 }
const silent = { onFault: () => {}, onNote: () => {} }

t.test('a log that opens early is the one that is taken over', async t => {
  const opening = new OpeningLog({ dir: t.testdir(), clock: systemClock, retention })
  const log = await opening.take(silent)
  t.match(await log.append([{ topic: 'tasks.t.events', type: 'custom:x', payload: {} }]), { status: 'ok' })
  await opening.close()
  t.match(await log.append([{ topic: 'tasks.t.events', type: 'custom:x', payload: {} }]), { status: 'unavailable' })
})

t.test('the reason why it cannot be opened is reported when it is taken over, not before', async t => {
  const dir = t.testdir()
  const first = new OpeningLog({ dir, clock: systemClock, retention })
  await first.take(silent)
  const second = new OpeningLog({ dir, clock: systemClock, retention })
  await second.close()
  await t.rejects(second.take(silent), { code: 'FLW_ERR_LOG_LOCKED' })
  await first.close()
  const third = new OpeningLog({ dir, clock: systemClock, retention })
  t.ok(await third.take(silent), 'the lock is free again')
  await third.close()
})

import { test } from 'tap'
import { systemClock } from '../../../../src/clock.ts'
import { ForwardingLog } from '../../../../src/cluster/forwarding/forwarding-log.ts'
import { HeadWatch } from '../../../../src/cluster/log/head-watch.ts'
import { decodeCursor, encodeCursor } from '../../../../src/log/cursor.ts'
import { said } from '../../../helpers/events.ts'
import { openLog } from '../../../helpers/log-folder.ts'

test('[RS7] an event that another node has shown is waited for before its cursor counts as ahead', async t => {
  const known = { hasAll: true }
  const replica = Object.assign(await openLog(t), { isLeading: false, hasAll: async () => known.hasAll })
  const head = new HeadWatch(replica, systemClock)
  t.teardown(() => head.stop())
  const asked: number[] = []
  const log = new ForwardingLog({
    ...{ replica, clock: systemClock },
    ask: async () => undefined,
    caughtUp: (seq, timeoutMs) => {
      asked.push(timeoutMs)
      return head.reached(seq, seq > 5 ? 0 : timeoutMs)
    },
  })
  await replica.append([said('a1', 'one')])
  const seen = decodeCursor(log.head)!.seq + 2
  const after = (seq: number) => ({ topics: ['>'], limit: 10, after: encodeCursor(log.epoch, seq) })
  const reading = log.read(after(seen))
  const before = log.read({ topics: ['>'], limit: 1, before: encodeCursor(log.epoch, seen) })
  await replica.append([said('a1', 'two'), said('a1', 'three'), said('a1', 'four')])
  t.match(await reading, { status: 'ok', events: [{ seq: seen + 1 }] })
  t.match(await before, { status: 'ok', events: [{ seq: seen - 1 }] })
  t.same(asked, [1000, 1000])
  t.match(await log.read(after(99)), { status: 'gone', reason: 'ahead' })
  t.match(await log.read({ ...after(1), after: 'zz.1' }), { status: 'gone', reason: 'epoch' })
  known.hasAll = false
  await t.rejects(log.read(after(99)), { code: 'FLW_ERR_CLUSTER_BEHIND', statusCode: 503 }, 'there may be more')
  t.match(await log.read(after(seen)), { status: 'ok' }, 'what this node has can be read')
})

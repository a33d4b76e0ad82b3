import { test } from 'tap'
import { newId } from '../../src/ids.ts'

test('[FR12] generated ids have a prefix and sort by creation time', async t => {
  const ids = Array.from({ length: 5000 }, () => newId('cmd'))
  t.ok(ids.every(id => /^cmd_[A-Za-z0-9_-]{1,60}$/.test(id)))
  t.same(ids.toSorted(), ids)
  t.equal(new Set(ids).size, ids.length)
})

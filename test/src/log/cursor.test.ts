import t from 'tap'
import { decodeCursor, encodeCursor } from '../../../src/log/cursor.ts'

t.test('a cursor decodes to the position that it was made of', async t => {
  for (const seq of [0, 1, 35, 36, 1e9, Number.MAX_SAFE_INTEGER]) {
    t.same(decodeCursor(encodeCursor('00ff', seq)), { epoch: '00ff', seq })
  }
})

t.test('anything else decodes to nothing, and does no harm', async t => {
  const bad: unknown[] = ['', '.', 'a.', '.a', 'a.b.c', 'a.01', 'a.-1', 'a.A', 'a.1 ', ' a.1', 'a.1\n', 'é.1']
  bad.push('a.zzzzzzzzzzz', `${'a'.repeat(33)}.1`, `a.${'1'.repeat(1e5)}`, undefined, null, 7, {}, ['a.b', 1])
  bad.push({ toString: () => 'a.1.' })
  for (const cursor of bad) t.equal(decodeCursor(cursor as string), undefined, JSON.stringify(cursor)?.slice(0, 40))
})

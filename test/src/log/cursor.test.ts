import t from 'tap'
import { besideCursor, decodeCursor, encodeCursor } from '../../../src/log/cursor.ts'

t.test('a cursor decodes to the position that it was made from', async t => {
  for (const seq of [0, 1, 35, 36, 1e9, Number.MAX_SAFE_INTEGER]) {
    t.same(decodeCursor(encodeCursor('00ff', seq)), { epoch: '00ff', seq })
  }
})

t.test(
  '[EV10] cursors beside a position differ from it and from each other, but decode to the same position',
  async t => {
    const cursor = encodeCursor('00ff', 36)
    const beside = [besideCursor(cursor), besideCursor(cursor), besideCursor(besideCursor(cursor))]
    t.equal(new Set([cursor, ...beside]).size, 4)
    for (const one of beside) t.same(decodeCursor(one), { epoch: '00ff', seq: 36 })
  },
)

t.test('anything else decodes to nothing, and causes no error', async t => {
  const bad: unknown[] = ['', '.', 'a.', '.a', 'a.b.c', 'a.01', 'a.-1', 'a.A', 'a.1 ', ' a.1', 'a.1\n', 'é.1']
  bad.push('a.zzzzzzzzzzz', `${'a'.repeat(33)}.1`, `a.${'1'.repeat(1e5)}`, undefined, null, 7, {}, ['a.b', 1])
  bad.push('a.1~', 'a.1~x', 'a.1~0123456789abcdef0', 'a.1~0123456789ABCDEF')
  bad.push({ toString: () => 'a.1.' })
  for (const cursor of bad) t.equal(decodeCursor(cursor as string), undefined, JSON.stringify(cursor)?.slice(0, 40))
})

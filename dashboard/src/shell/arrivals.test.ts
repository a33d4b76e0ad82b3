import t from 'tap'
import { Arrivals } from './arrivals.ts'

t.test('only what came since the last look is news', async t => {
  const arrivals = new Arrivals()
  t.same(arrivals.look(['a', 'b']), [], 'the first look')
  t.same(arrivals.look(['a', 'b', 'c']), ['c'])
  t.same(arrivals.look(['c']), [])
  t.same(arrivals.look(['a', 'c']), ['a'], 'what went and came again is news again')
})

import t from 'tap'
import { frozenOrder, movesBetween } from './frozen-order.ts'

const moves = (before: string, after: string) => movesBetween([...before], [...after])

t.test('moves are the fewest ids that come, go or change places', t => {
  t.equal(moves('', ''), 0)
  t.equal(moves('abc', 'abc'), 0)
  t.equal(moves('abcd', 'bcda'), 1, 'one went to the end')
  t.equal(moves('abcd', 'dcba'), 3)
  t.equal(moves('abc', 'abcd'), 1, 'one came')
  t.equal(moves('abc', 'ac'), 1, 'one went')
  t.equal(moves('abcd', 'xbdc'), 3, 'one went, one came, one moved')
  t.end()
})

t.test('a frozen order loses only what is gone altogether', t => {
  const shown = { ids: ['a', 'b', 'c'], groups: [{ key: 'g', ids: ['a', 'b', 'c'] }] }
  const present = { ids: ['c', 'a', 'd'], groups: [] }
  const same = frozenOrder(shown, present, () => true)
  t.equal(same.order, shown)
  t.equal(same.moves, 3)
  const { order } = frozenOrder(shown, present, id => id !== 'b')
  t.same(order, { ids: ['a', 'c'], groups: [{ key: 'g', ids: ['a', 'c'] }] })
  t.end()
})

import t from 'tap'
import { between, listRows, moved, nextOf, rowOf } from './list-rows.ts'

const groups = [
  { key: 'a', label: 'Needs you', ids: ['1', '2', '3', '4'] },
  { key: 'b', label: 'Working', ids: ['5', '6'] },
  { key: 'c', label: 'Idle', ids: [] },
]

t.test('groups become headings and lines; an empty one shows nothing', async t => {
  const rows = listRows(groups, 3)
  t.same(
    rows.map(row => (row.type === 'heading' ? `${row.label} ${row.count}` : row.ids.join())),
    ['Needs you 4', '1,2,3', '4', 'Working 2', '5,6'],
  )
  t.equal(new Set(rows.map(({ key }) => key)).size, rows.length)
  t.equal(rowOf(rows, '6'), 4)
  t.equal(rowOf(rows, '9'), -1)
  t.same(listRows([{ key: '', label: '', ids: ['1'] }], 1).length, 1)
})

t.test('keys move in the order of the list, and from line to line in a column', async t => {
  const rows = listRows(groups, 3)
  t.equal(moved(rows, undefined, 'next'), '1')
  t.equal(moved(rows, 'gone', 'up'), '1')
  t.equal(moved(rows, '3', 'next'), '4')
  t.equal(moved(rows, '4', 'next'), '5', 'over a heading')
  t.equal(moved(rows, '6', 'next'), '6')
  t.equal(moved(rows, '5', 'previous'), '4')
  t.equal(moved(rows, '1', 'previous'), '1')
  t.equal(moved(rows, '2', 'down'), '4', 'a shorter line: its last')
  t.equal(moved(rows, '6', 'up'), '4')
  t.equal(moved(rows, '2', 'up'), '2')
  t.equal(moved(rows, '5', 'down'), '5')
  t.equal(moved(rows, '5', 'first'), '1')
  t.equal(moved(rows, '1', 'last'), '6')
  t.equal(moved(rows, '1', 'page-down'), '5')
  t.equal(moved([], undefined, 'next'), undefined)
})

t.test('a range goes both ways', async t => {
  t.same(between(['1', '2', '3', '4'], '3', '2'), ['2', '3'])
  t.same(between(['1', '2', '3', '4'], '2', '4'), ['2', '3', '4'])
  t.same(between(['1', '2'], 'gone', '2'), ['2'])
})

t.test('the next of some kind goes around', async t => {
  const odd = (id: string) => Number(id) % 2 === 1
  t.equal(nextOf(['1', '2', '3'], '1', odd), '3')
  t.equal(nextOf(['1', '2', '3'], '3', odd), '1')
  t.equal(nextOf(['1', '2'], '1', odd), '1', 'the only one')
  t.equal(nextOf(['1', '2'], undefined, odd), '1')
  t.equal(nextOf(['2'], '2', odd), undefined)
})

import t from 'tap'
import { filterOf, limitOf, selectorOf } from './send-target.ts'

t.test('what is shown as chosen is what the server will choose', async t => {
  const labels = {
    type: 'labels',
    labels: [
      ['team', 'web'],
      ['', ''],
      ['env', ''],
    ],
  } as const
  t.same(selectorOf(labels), { labels: { team: 'web' } })
  t.same(filterOf(labels), { labels: { team: 'web' } })
  t.same(selectorOf({ type: 'ids', ids: ['a'] }), { ids: ['a'] })
  t.same(filterOf({ type: 'ids', ids: ['a'] }), { ids: ['a'] })
  t.same(filterOf({ type: 'labels', labels: [['', '']] }), { ids: [] }, 'no label chooses nobody, not everybody')
})

t.test('limits are whole numbers from 1 on, or nothing', async t => {
  t.equal(limitOf(' '), undefined)
  t.equal(limitOf(' 10 '), 10)
  for (const text of ['0', '-1', '1.5', 'ten', '1e3', '9999999']) t.equal(limitOf(text), 'invalid', text)
})

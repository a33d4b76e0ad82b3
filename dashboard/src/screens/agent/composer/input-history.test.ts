import t from 'tap'
import { historyOf, shownEntry, step } from './input-history.ts'

t.test('back through what was sent, each once, and forth to the draft', async t => {
  const start = historyOf(['ls', 'ls', 'npm test', '', 'ls'], 'half a line')
  t.same(start.entries, ['ls', 'npm test'])
  const one = step(start, 1)!
  t.equal(shownEntry(one), 'ls')
  const two = step(one, 1)!
  t.equal(shownEntry(two), 'npm test')
  t.equal(step(two, 1), undefined, 'the oldest')
  t.equal(shownEntry(step(step(two, -1)!, -1)!), 'half a line')
  t.equal(step(start, -1), undefined)
  t.equal(step(historyOf([], ''), 1), undefined, 'nothing was sent yet')
})

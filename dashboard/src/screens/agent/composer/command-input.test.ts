import t from 'tap'
import { inputOf, kindLabel } from './command-input.ts'

t.test('text stays text, and JSON becomes JSON only for kinds of the agent’s own', async t => {
  t.equal(inputOf('shell', '[ -f x ] && ls'), '[ -f x ] && ls')
  t.equal(inputOf('prompt', '{"a":1}'), '{"a":1}')
  t.same(inputOf('deploy', ' {"region":"eu"}'), { region: 'eu' })
  t.same(inputOf('deploy', '[1, 2]'), [1, 2])
  t.equal(inputOf('deploy', '{not json'), '{not json')
  t.equal(inputOf('deploy', '12'), '12', 'a number that somebody typed is their text')
  t.equal(kindLabel('shell'), 'Shell')
})

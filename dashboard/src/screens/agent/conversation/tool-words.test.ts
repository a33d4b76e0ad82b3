import t from 'tap'
import { asBlock, asLine } from './tool-words.ts'

t.test('any value as a line and as a block', async t => {
  t.equal(asLine({ path: '/etc/hosts', limit: 3, deep: { a: 1 } }), 'path: /etc/hosts, limit: 3, deep: {"a":1}')
  t.equal(asLine('two\n  lines'), 'two lines')
  t.equal(asLine([1, 2]), '[1,2]')
  t.equal(asLine(undefined), '')
  t.equal(asLine(null), '')
  t.equal(asLine(0), '0')
  t.equal(asLine('x'.repeat(10_000)).length, 200)
  t.equal(asBlock('text'), 'text')
  t.equal(asBlock({ a: 1 }), '{\n  "a": 1\n}')
})

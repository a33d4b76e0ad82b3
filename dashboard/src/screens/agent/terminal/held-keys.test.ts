import t from 'tap'
import { withHeld } from './held-keys.ts'

t.test('a held key changes the next character alone', async t => {
  t.equal(withHeld('ctrl', 'c'), '\x03')
  t.equal(withHeld('ctrl', 'C'), '\x03')
  t.equal(withHeld('ctrl', '['), '\x1b')
  t.equal(withHeld('ctrl', ' '), '\0')
  t.equal(withHeld('ctrl', '1'), '1', 'there is no such control character')
  t.equal(withHeld('alt', 'b'), '\x1bb')
  t.equal(withHeld('ctrl', '\x1b[A'), '\x1b[A', 'sequences stay')
  t.equal(withHeld(undefined, 'c'), 'c')
})

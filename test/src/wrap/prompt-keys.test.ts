import { test } from 'tap'
import { pasted, promptText } from '../../../src/wrap/prompt-keys.ts'

test('a prompt is typed the way a terminal pastes it', async t => {
  t.equal(pasted('one\ntwo\r\nthree\rfour', { bracketed: false }), 'one\rtwo\rthree\rfour')
  t.equal(pasted('one\ntwo', { bracketed: true }), '\x1b[200~one\rtwo\x1b[201~')
  t.equal(pasted('one\n', { bracketed: false }), 'one', 'the submit key ends the last line')
  t.equal(pasted('if x:\n  y\n\n', { bracketed: false }), 'if x:\r  y\r', 'an empty line counts')
  t.equal(pasted('a\tb wörld 🙂', { bracketed: true }), '\x1b[200~a\tb wörld 🙂\x1b[201~')
})

test('no text of a prompt is a key', async t => {
  const hostile = 'a\x1b[201~\x03rm\x04\x7f\x9b31m\x00'
  for (const bracketed of [true, false]) {
    const typed = pasted(hostile, { bracketed })
    const inner = bracketed ? typed.slice('\x1b[200~'.length, -'\x1b[201~'.length) : typed
    t.equal(inner, 'a␛[201~␃rm␄␡\ufffd31m␀')
    t.notMatch(inner, /\p{Cc}/u)
  }
})

test('a prompt is a string or an object with a text', async t => {
  t.equal(promptText('hello'), 'hello')
  t.equal(promptText({ text: 'hello' }), 'hello')
  for (const input of ['', ' \n', undefined, null, 5, [], {}, { text: 5 }, ['hello']])
    t.equal(promptText(input), undefined)
})

import { test } from 'tap'
import { answerText } from '../../../src/wrap/answer-text.ts'

test('the output of a prompt excludes its echo and the next invitation', async t => {
  const repl = { prompt: '1+1', invitation: '>>> ' }
  t.equal(answerText('>>> 1+1\n2\n>>>', repl), '2')
  t.equal(answerText('>>> 1+1\n2\n>>> ', repl), '2')
  t.equal(answerText('>>> 1+1\n>>>', repl), '')
  t.equal(answerText('1+1\n2', { prompt: '1+1', invitation: '' }), '2')
  const block = 'for i in range(2):\n  print(i)\n\n'
  t.equal(
    answerText('>>> for i in range(2):\n...   print(i)\n...\n0\n1\n>>>', { prompt: block, invitation: '>>> ' }),
    '...\n0\n1',
  )
  t.equal(answerText('\u276f hi\nI say:\n\n  hi\n', { prompt: 'hi', invitation: '\u276f ' }), 'I say:\n\n  hi')
  t.equal(answerText('something else', { prompt: 'hi', invitation: '$ ' }), 'something else')
  t.equal(answerText('', { prompt: 'hi', invitation: '' }), '')
})

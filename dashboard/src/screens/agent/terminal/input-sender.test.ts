import type { RequestResult } from '@fleetwire/client'
import t from 'tap'
import { InputSender } from './input-sender.ts'

function scripted() {
  const sent: { data: string; answer(result: RequestResult): Promise<void> }[] = []
  const refused: string[] = []
  const sender = new InputSender(
    data =>
      new Promise(resolve => {
        sent.push({
          data,
          answer: async result => {
            resolve(result)
            await new Promise(setImmediate)
          },
        })
      }),
    ({ code }) => refused.push(code),
  )
  return { sender, sent, refused }
}

t.test('keys go at once; what is typed while several are under way goes together', async t => {
  const { sender, sent } = scripted()
  for (const key of 'abcdefg') sender.push(key)
  t.same(
    sent.map(({ data }) => data),
    ['a', 'b', 'c', 'd'],
  )
  await sent[0]!.answer({ ok: true })
  t.equal(sent[4]!.data, 'efg')
})

t.test('a long paste is cut, and never through a character', async t => {
  const { sender, sent } = scripted()
  const text = `${'x'.repeat(16 * 1024 - 1)}😀 end`
  sender.push(text)
  t.equal(sent.map(({ data }) => data).join(''), text)
  t.equal(sent.length, 2)
  t.notMatch(sent[0]!.data, /[\ud800-\udfff]/)
})

t.test('after a refusal the rest is not typed', async t => {
  const { sender, sent, refused } = scripted()
  for (const key of 'abcdefg') sender.push(key)
  await sent[0]!.answer({ ok: false, error: { code: 'forbidden', message: 'no', retryable: false } })
  t.same(refused, ['forbidden'])
  t.equal(sent.length, 4)
  sender.push('z')
  t.equal(sent[4]!.data, 'z')
})

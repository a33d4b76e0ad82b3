import { PassThrough } from 'node:stream'
import { type Test, test } from 'tap'
import { messageStream } from '../../../src/acp/message-stream.ts'

/** What is read when the program writes these chunks. */
async function read(_: Test, pieces: (string | Buffer)[], maxLineBytes?: number) {
  const [stdout, stdin] = [new PassThrough(), new PassThrough()]
  const noise: string[] = []
  const { readable } = messageStream({
    stdout,
    stdin,
    onNoise: text => noise.push(text),
    ...(maxLineBytes && { maxLineBytes }),
  })
  for (const piece of pieces) stdout.write(piece)
  stdout.end()
  const messages: unknown[] = []
  for await (const message of readable as unknown as AsyncIterable<unknown>) messages.push(message)
  return { messages, noise }
}

const request = (id: number, text = '') => ({ jsonrpc: '2.0', id, method: 'm', params: { text } })
const line = (value: unknown) => `${JSON.stringify(value)}\n`

test('messages are read completely wherever the chunks are split', async t => {
  const bytes = Buffer.from(
    line(request(1, 'é ✓ 😀')) + line(request(2)).replace('\n', '\r\n') + JSON.stringify(request(3)),
  )
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { messages, noise } = await read(t, [bytes.subarray(0, cut), bytes.subarray(cut)])
    if (messages.length !== 3 || noise.length > 0) t.fail(`cut at ${cut}`)
    if (cut % 10 === 0) t.same(messages, [request(1, 'é ✓ 😀'), request(2), request(3)])
  }
})

test('a line that is not a message for us is reported and skipped', async t => {
  const strays = [
    ...[
      'Welcome!',
      '',
      '   ',
      '{',
      '[]',
      '[{"jsonrpc":"2.0","method":"m"}]',
      '"text"',
      '5',
      'null',
      '{"level":"info"}',
    ],
    ...[
      '{"jsonrpc":"1.0","id":1,"method":"m"}',
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}',
    ],
    ...['{"jsonrpc":"2.0","id":"\u001b[31m","result":{}}', '{"jsonrpc":"2.0"}', '__proto__'],
  ]
  const { messages, noise } = await read(t, [
    ...strays.map(stray => `${stray}\n`),
    Buffer.from([0xff, 0xfe, 0x0a]),
    line(request(7)),
  ])
  t.same(messages, [request(7)])
  t.equal(noise.length, strays.filter(stray => stray.trim() !== '').length + 1)
})

test('a line that is too long is dropped, and the next one is read', async t => {
  const { messages, noise } = await read(t, ['x'.repeat(150), 'x'.repeat(150), '\n', line(request(1))], 100)
  t.same(messages, [request(1)])
  t.same(noise, ['a line of 300 bytes was dropped: the limit is 100'])
})

test('an update of an unknown kind is reported once', async t => {
  const update = (sessionUpdate: unknown) =>
    line({ jsonrpc: '2.0', method: 'session/update', params: { sessionId: 's', update: { sessionUpdate } } })
  const { messages, noise } = await read(t, [update('_new'), update('_new'), update('plan'), update(undefined)])
  t.equal(messages.length, 1)
  t.same(noise, [
    'an update of an unknown kind was skipped: _new',
    'an update of an unknown kind was skipped: undefined',
  ])
})

test('messages are written as lines, and a program that closed its input causes no error', async t => {
  const [stdout, stdin] = [new PassThrough(), new PassThrough()]
  const writer = messageStream({ stdout, stdin, onNoise() {} }).writable.getWriter()
  await writer.write(request(1, 'a\nb') as never)
  t.equal(stdin.read().toString(), line(request(1, 'a\nb')))
  stdin.destroy(new Error('EPIPE'))
  await t.rejects(writer.write(request(2) as never))
})

import { inflateRawSync } from 'node:zlib'
import t from 'tap'
import { FrameCompressor } from '../../../src/frames/frame-compressor.ts'
import { EventBatch, OutboundEvent } from '../../../src/frames/frame-encoder.ts'
import { joinMessages, MAX_JOINED_BYTES } from '../../../src/frames/joined-message.ts'
import { deflatedFrame, framesIn, textFrame } from '../../../src/frames/text-frame.ts'

const textsIn = (frames: Buffer) => [...framesIn(frames)].map(({ text }) => text.toString())
const joined = (...texts: string[]) => textsIn(joinMessages(texts.map(textFrame)))

t.test('[FR20] complete frames become one message, one per line, in order', async t => {
  t.same(joined('{"a":1}', '{"b":"ä€😀"}', '{"c":3}'), ['{"a":1}\n{"b":"ä€😀"}\n{"c":3}'])
  t.same(joined('{"a":1}'), ['{"a":1}'])
  t.same(textsIn(joinMessages([])), [])
  const two = Buffer.concat([textFrame('1'), textFrame('2')])
  t.same(textsIn(joinMessages([two, textFrame('3'), two])), ['1\n2\n3\n1\n2'], 'a part may hold several frames')
})

t.test('[FR20] a message is at most 64 KiB; a larger frame is sent alone', async t => {
  const half = (name: string, more = 0) => name.repeat(MAX_JOINED_BYTES / 2 + more)
  t.same(
    joined(half('a'), half('b', -1)).map(text => text.length),
    [MAX_JOINED_BYTES],
    'the line feed counts',
  )
  t.same(
    joined(half('a'), half('b'), 'c').map(text => text.length),
    [MAX_JOINED_BYTES / 2, MAX_JOINED_BYTES / 2 + 2],
  )
  const large = 'x'.repeat(MAX_JOINED_BYTES + 1)
  t.same(joined('1', '2', large, '3', '4'), ['1\n2', large, '3\n4'])
  t.same(joined('ä'.repeat(MAX_JOINED_BYTES / 4), 'ä'.repeat(MAX_JOINED_BYTES / 4)).length, 2, 'bytes, not characters')
  for (const length of [125, 126, 65_535, 65_536, 70_000]) t.same(joined('x'.repeat(length))[0]?.length, length)
})

t.test('[FR20] a deflated frame keeps its place', async t => {
  const frames = [
    ...framesIn(joinMessages([textFrame('1'), textFrame('2'), deflatedFrame(Buffer.from('zz')), textFrame('3')])),
  ]
  t.same(
    frames.map(({ text, deflated }) => [text.toString(), deflated]),
    [
      ['1\n2', false],
      ['zz', true],
      ['3', false],
    ],
  )
})

const event = (seq: number, text: string, compressor?: FrameCompressor) => {
  const payload = { agentId: 'a', message: text }
  const json = JSON.stringify(payload)
  return new OutboundEvent(
    { seq, cursor: `test.${seq}`, type: 'agent:error', topic: 'agents.a.log', at: 0, json, payload },
    compressor,
  )
}

t.test('[FR20] [OB6] a batch is joined once for all receivers, and compressed as one message', async t => {
  const compressor = new FrameCompressor()
  const batch = new EventBatch([1, 2, 3].map(seq => event(seq, 'and on '.repeat(100), compressor)))
  const plain = textsIn(batch.bytes('text')).join('\n')
  t.same(textsIn(batch.bytes('joined')), [plain])
  t.equal(batch.bytes('joined'), batch.bytes('joined'))
  const [message, ...rest] = [...framesIn(batch.bytes('joined-deflated'))]
  t.same(rest, [])
  t.equal(message!.deflated, true)
  const inflated = inflateRawSync(Buffer.concat([message!.text, Buffer.from([0, 0, 0xff, 0xff])]), { finishFlush: 2 })
  t.equal(inflated.toString(), plain)
  t.equal(compressor.frames, 1)
  const small = new EventBatch([event(1, '1', compressor), event(2, '2', compressor)])
  t.same(small.bytes('joined-deflated'), small.bytes('joined'), 'too small to compress')
  const one = new EventBatch([event(1, '1')])
  t.equal(one.bytes('joined'), one.bytes('text'), 'a single event needs no joining')
})

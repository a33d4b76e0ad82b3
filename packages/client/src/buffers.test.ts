import t from 'tap'
import { fromBase64, toBase64 } from './base64.ts'
import { MessageBuffer } from './message-buffer.ts'
import { TerminalBuffer } from './terminal-buffer.ts'

t.test('messages: deltas join, a start restates, an end with a text overrules', async t => {
  const buffer = new MessageBuffer()
  const of = { sessionId: 's', messageId: 'm' }
  buffer.apply({ type: 'message:start', payload: { ...of, role: 'assistant' } })
  buffer.apply({ type: 'message:delta', payload: { ...of, delta: 'Hel' } })
  t.match(buffer.apply({ type: 'message:delta', payload: { ...of, delta: 'lo' } }), { text: 'Hello', state: 'open' })
  t.match(buffer.apply({ type: 'message:start', payload: { ...of, text: 'Hello th' } }), { text: 'Hello th' })
  t.match(buffer.apply({ type: 'message:end', payload: of }), { text: 'Hello th', state: 'ended', role: 'assistant' })
  t.match(buffer.apply({ type: 'message:end', payload: { ...of, text: 'Hello there' } }), { text: 'Hello there' })
  t.equal(buffer.apply({ type: 'tool:start', payload: of }), undefined)
  t.equal(buffer.messages.length, 1)
  buffer.clear()
  t.same(buffer.messages, [])
})

t.test('terminal output: overlaps are trimmed, gaps told, holes never skipped', async t => {
  const buffer = new TerminalBuffer(10)
  const push = (offset: number, data: string, gap?: { from: number; to: number }) =>
    buffer.push({ offset, data, encoding: 'utf8', gap })
  t.match(push(5, 'abcdefg'), { kind: 'bytes', offset: 10, bytes: new TextEncoder().encode('fg') })
  t.same(push(5, 'abcdefg'), { kind: 'known' })
  t.same(push(20, 'x'), { kind: 'hole', from: 12, to: 20 })
  t.same(push(20, 'x', { from: 15, to: 20 }), { kind: 'hole', from: 12, to: 20 }, 'a gap that explains too little')
  t.match(push(20, 'x', { from: 12, to: 20 }), { kind: 'bytes', offset: 20, gap: { from: 12, to: 20 } })
  t.match(buffer.push({ offset: 21, data: '/wA=', encoding: 'base64' }), { bytes: new Uint8Array([255, 0]) })
  t.equal(buffer.end, 23)
})

t.test('base64 of any bytes', async t => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256)
  t.same(Buffer.from(fromBase64(toBase64(bytes))).equals(bytes), true)
  t.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'))
})

import t from 'tap'
import { fromBase64, toBase64 } from './base64.ts'
import { MessageBuffer } from './message-buffer.ts'
import { TerminalBuffer } from './terminal-buffer.ts'

t.test('in messages, deltas are joined, a start restates the text, and an end with a text overrides it', async t => {
  const buffer = new MessageBuffer()
  const of = { sessionId: 's', messageId: 'm' }
  buffer.apply({ type: 'message:start', payload: { ...of, role: 'assistant' } })
  buffer.apply({ type: 'message:delta', payload: { ...of, delta: 'Hel' } })
  t.match(buffer.apply({ type: 'message:delta', payload: { ...of, delta: 'lo' } }), { text: 'Hello', state: 'open' })
  t.match(buffer.apply({ type: 'message:start', payload: { ...of, text: 'Hello th' } }), { text: 'Hello th' })
  t.match(buffer.apply({ type: 'message:end', payload: of }), { text: 'Hello th', state: 'ended', role: 'assistant' })
  t.match(buffer.apply({ type: 'message:end', payload: { ...of, text: 'Hello there' } }), { text: 'Hello there' })
  t.equal(buffer.apply({ type: 'session:typing', payload: of }), undefined)
  t.equal(buffer.messages.length, 1)
  buffer.clear()
  t.same(buffer.messages, [])
})

t.test('tool calls stand among the messages where they began, with arguments, result or error', async t => {
  const buffer = new MessageBuffer()
  const say = (type: string, payload: object) => buffer.apply({ type, payload: { sessionId: 's', ...payload } })
  say('message:start', { messageId: 'm1' })
  say('tool:start', { toolCallId: 'k1', messageId: 'm1', name: 'grep' })
  say('tool:args', { toolCallId: 'k1', delta: '{"for"' })
  say('message:start', { messageId: 'm2' })
  const open = say('tool:args', { toolCallId: 'k1', delta: ':1}' })
  t.match(open, { kind: 'tool', name: 'grep', argsText: '{"for":1}', state: 'open', messageId: 'm1' })
  const items = buffer.items
  t.equal(buffer.items, items, 'the same until something changes')
  say('tool:end', { toolCallId: 'k1', result: ['a'] })
  t.match(open, { state: 'open' }, 'a view never changes')
  say('tool:start', { toolCallId: 'k2', name: 'ls', args: { path: '.' } })
  say('tool:end', { toolCallId: 'k2', error: { code: 'ENOENT', message: 'no' } })
  t.not(buffer.items, items)
  t.match(buffer.items, [
    { kind: 'message', messageId: 'm1' },
    { kind: 'tool', toolCallId: 'k1', state: 'ended', result: ['a'], error: undefined },
    { kind: 'message', messageId: 'm2' },
    { kind: 'tool', toolCallId: 'k2', args: { path: '.' }, argsText: '', error: { code: 'ENOENT' } },
  ])
  t.equal(buffer.messages.length, 2)
  t.equal(buffer.toolCalls.length, 2)
  // A snapshot repeats an open call: its start, then all pieces in one.
  say('tool:start', { toolCallId: 'k3', name: 'cat' })
  say('tool:args', { toolCallId: 'k3', delta: '{"a"' })
  say('tool:start', { toolCallId: 'k3', name: 'cat' })
  t.match(say('tool:args', { toolCallId: 'k3', delta: '{"a":2' }), { argsText: '{"a":2' })
  t.match(say('message:end', { messageId: 'm1', incomplete: true }), { isIncomplete: true })
})

t.test('in terminal output, overlaps are trimmed, gaps reported, and holes never skipped', async t => {
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

t.test(
  '[TM14] queries are made harmless for whoever draws, however they are cut, and bytes stay where they were',
  async t => {
    const queries = [
      '\x1b[c',
      '\x1b[6n',
      '\x1b[?2026$p',
      '\x1b[>q',
      '\x1b[?u',
      '\x1b]11;?\x07',
      '\x1b]4;1;?\x1b\\',
      '\x1bP$qm\x1b\\',
      '\u009b5n',
    ]
    const kept = 'a\x1b[31mb\x1b]0;why?\x07\x1b[2Jé\x1b]8;;http://x/?\x1b\\l'
    for (const query of queries) {
      const bytes = new TextEncoder().encode(`${kept}${query}${kept}`)
      for (let cut = 0; cut <= bytes.length; cut++) {
        const buffer = new TerminalBuffer()
        const parts = [bytes.slice(0, cut), bytes.slice(cut)].map(part => {
          const step = buffer.push({ offset: buffer.end, data: toBase64(part), encoding: 'base64' })
          return step.kind === 'bytes' ? [...step.bytes] : []
        })
        const seen = new TextDecoder().decode(Uint8Array.from(parts.flat()))
        const middle = seen.slice(kept.length, -kept.length)
        const isGone = middle.includes('\x18')
        if (!isGone || !seen.startsWith(kept) || !seen.endsWith(kept) || parts.flat().length !== bytes.length) {
          t.fail(`${JSON.stringify(query)} cut at ${cut}: ${JSON.stringify(seen)}`)
        }
      }
    }
    const own = new TerminalBuffer(0)
    own.answerFrom(3)
    const text = (data: string) => {
      const step = own.push({ offset: own.end, data, encoding: 'utf8' })
      return step.kind === 'bytes' ? new TextDecoder().decode(step.bytes) : ''
    }
    t.equal(text('\x1b[c'), '\x1b[\x18', 'one that somebody else answered')
    t.equal(text('\x1b[c'), '\x1b[c', 'one that is its own to answer')
    const raw = new TerminalBuffer(0, { raw: true })
    t.match(raw.push({ offset: 0, data: '\x1b[c', encoding: 'utf8' }), { bytes: new TextEncoder().encode('\x1b[c') })
  },
)

t.test('numbers that would keep a terminal busy for hours are cut', async t => {
  const step = new TerminalBuffer().push({ offset: 0, data: `\x1b[2147483647b\x1b[1;000012M`, encoding: 'utf8' })
  t.equal(step.kind === 'bytes' && new TextDecoder().decode(step.bytes), `\x1b[2147${'\0'.repeat(6)}b\x1b[1;000012M`)
})

t.test('any bytes survive base64', async t => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256)
  t.same(Buffer.from(fromBase64(toBase64(bytes))).equals(bytes), true)
  t.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'))
})

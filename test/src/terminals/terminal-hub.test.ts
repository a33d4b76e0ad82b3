import type { AgentServerPayloads } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { TerminalHub, type TerminalHubOptions } from '../../../src/terminals/terminal-hub.ts'
import type { TerminalResult } from '../../../src/terminals/terminal-upstream.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { FakeViewer } from '../../helpers/fake-viewer.ts'
import { ReferenceScreen } from '../../helpers/reference-screen.ts'
import { render, startScreens } from '../../helpers/screens.ts'
import { isFull, size } from '../../helpers/sizes.ts'

type Sent = { type: keyof AgentServerPayloads; payload: unknown }

/** In a full run a stream is cut after each byte, otherwise after every second and each that begins a sequence. */
const CUT_STEP = size('CUT_STEP', { quick: 2, full: 1 })
const ESC = 0x1b
/** ESC, or the first byte of a multi-byte character: with one more byte it may be a complete sequence. */
const beginsSequence = (byte: number | undefined): boolean => byte !== undefined && (byte === ESC || byte >= 0xc2)
/** For each viewer. In a full run the default. */
const CREDIT_BYTES = size('CREDIT_BYTES', { quick: 64 * 1024, full: 512 * 1024 })

/** One thread for all tests: starting it takes longer than most of them. */
const { screens } = startScreens(t)

/** A hub with one agent `a1`, whose port records what it is sent. */
function start(t: Test, options: Partial<TerminalHubOptions> = {}) {
  const clock = new FakeClock()
  const hub = new TerminalHub({ clock, screens, onFault: error => t.fail('a fault', { error }), ...options })
  const sent: Sent[] = []
  const port = { send: (type: Sent['type'], payload: unknown) => void sent.push({ type, payload }) }
  hub.attach('a1', port)
  const ends = new Map<string, number>()
  /** Output of the agent; `offset` continues after the previous output unless given. */
  const output = (data: string | Uint8Array, { terminalId = 'main', offset = ends.get(terminalId) ?? 0 } = {}) => {
    const bytes = Buffer.from(data)
    ends.set(terminalId, offset + bytes.length)
    const asText = typeof data === 'string'
    hub.output('a1', {
      terminalId,
      offset,
      data: bytes.toString(asText ? 'utf8' : 'base64'),
      encoding: asText ? 'utf8' : 'base64',
    })
  }
  return { hub, clock, sent, port, output }
}

/** Everything that is easily cut wrongly: wide characters, every kind of sequence, modes, scrolling. */
const hardToCut =
  'a🙂b é 日本 \x1b[1;31mred\x1b[0m\r\n\x1b]0;títle 🙂\x07\x1b[38;2;10;20;30mtrue\x1bP$q"p\x1b\\colour\x1b[?25l\r\n' +
  '\x1b]8;;http://x/é\x1b\\link\x1b]8;;\x1b\\\x1b(0qx\x1b(B\x1b[5;9r\x1b[6;3H🙂\n\n\n\nx\x1b7\x1b[2;2Hs\x1b8\x1b[?25h' +
  '\x1b[m\x1b[?1049h\x1b[Hfull\x1b[2;1H\x1b[7m日\x1b[?1049l\x1b[r\x1b[20;1Hend 🙂 \u009b1mC1\x1b[m\r\nfin'

t.test('[TM2] [TM5] a viewer that joins after any byte sees the same as one from the start', async t => {
  const bytes = Buffer.from(hardToCut)
  const whole = new ReferenceScreen()
  await whole.write(bytes)
  const expected = whole.look()
  let cuts = 0
  for (let cut = 0; cut <= bytes.length; cut++) {
    if (cut % CUT_STEP > 0 && !beginsSequence(bytes[cut - 1])) continue
    cuts++
    const { hub, output } = start(t)
    output(new Uint8Array(bytes.subarray(0, cut)))
    const viewer = new FakeViewer('v1')
    hub.open(viewer, { agentId: 'a1' })
    await viewer.next('terminal:snapshot')
    output(new Uint8Array(bytes.subarray(cut)))
    const seen = (await ReferenceScreen.of(viewer.frames)).look()
    if (JSON.stringify(seen) !== JSON.stringify(expected))
      t.same(seen, expected, `cut at ${cut}: ${bytes.subarray(cut - 6, cut + 6)}`)
    hub.leave(viewer)
  }
  t.pass(`cut at ${cuts} of ${bytes.length} positions`)
})

t.test('[TM1] [TM5] every character arrives when output comes byte by byte', async t => {
  const { hub, output } = start(t)
  const viewer = new FakeViewer('v1')
  output('')
  hub.open(viewer, { agentId: 'a1', terminalId: 'main' })
  await viewer.next('terminal:snapshot')
  for (const byte of Buffer.from(hardToCut)) output(new Uint8Array([byte]))
  const received = Buffer.concat(viewer.of('terminal:output').map(({ data, encoding }) => Buffer.from(data, encoding)))
  t.equal(received.toString(), hardToCut)
  const whole = new ReferenceScreen()
  await whole.write(hardToCut)
  t.equal(
    await render(hub, 'a1', 'main', 'ansi'),
    (await render(hub, 'a1', undefined, 'ansi')) ?? '',
    'the newest terminal is the same one',
  )
  t.same((await ReferenceScreen.of(viewer.frames)).look(), whole.look())
})

t.test('size changes apply at their position in the stream', async t => {
  const { hub, output } = start(t)
  const whole = new ReferenceScreen()
  const early = new FakeViewer('early')
  hub.open(early, { agentId: 'a1' })
  for (const [cols, text] of [
    [80, 'x'.repeat(100)],
    [40, 'y'.repeat(100)],
    [60, '\r\nz'.repeat(30)],
  ] as const) {
    hub.resize('a1', { terminalId: 'main', cols, rows: 20 })
    whole.resize({ cols, rows: 20 })
    output(text)
    await whole.write(text)
  }
  const late = new FakeViewer('late')
  hub.open(late, { agentId: 'a1' })
  await late.next('terminal:snapshot')
  await early.next('terminal:snapshot', 1)
  t.same((await ReferenceScreen.of(late.frames)).look(), whole.look(), 'joined later')
  hub.resize('a1', { terminalId: 'main', cols: 100, rows: 30 })
  output('after')
  whole.resize({ cols: 100, rows: 30 })
  await whole.write('after')
  t.same((await ReferenceScreen.of(early.frames)).look().size, whole.look().size)
  t.same((await ReferenceScreen.of(late.frames)).look(), whole.look(), 'live')
})

t.test('[TM1] [TM9] overlaps are trimmed, missing bytes are requested once, and lost ones are reported', async t => {
  const { hub, output, sent, clock } = start(t)
  const viewer = new FakeViewer('v1')
  output('0123456789')
  hub.open(viewer, { agentId: 'a1' })
  await viewer.next('terminal:snapshot')

  output('56789abc', { offset: 5 })
  output('012', { offset: 0 })
  t.equal(
    viewer
      .of('terminal:output')
      .map(({ data }) => data)
      .join(''),
    'abc',
    'an overlap is trimmed',
  )

  output('G', { offset: 16 })
  output('H', { offset: 17 })
  t.same(sent, [{ type: 'terminal:resend', payload: { terminalId: 'main', from: 13 } }], 'requested once')
  output('defGH', { offset: 13 })
  t.equal(
    viewer
      .of('terminal:output')
      .map(({ data }) => data)
      .join(''),
    'abcdefGH',
    'and then complete',
  )

  output('later', { offset: 100 })
  t.equal(sent.length, 2)
  clock.advance(1000)
  output('rest', { offset: 50 })
  const snapshot = await viewer.next('terminal:snapshot', 1)
  t.same(snapshot.gap, { from: 18, to: 54 }, 'the agent has only later bytes, so a new snapshot reports the gap')
  output('!')
  t.equal(viewer.of('terminal:output').at(-1)?.data, '!', 'and output continues')
})

t.test('[TM9] if an agent ignores a resend, the bytes count as lost after a while', async t => {
  const { hub, output, clock } = start(t, { resendTimeoutMs: 5000 })
  output('a')
  output('x', { offset: 10 })
  output('y', { offset: 11 })
  t.match(await render(hub, 'a1', 'main', 'text'), /^a\n/)
  clock.advance(5000)
  output('z', { offset: 12 })
  t.match(await render(hub, 'a1', 'main', 'text'), 'z')
})

t.test('[TM8] a returning agent is asked for the output that was missed', async t => {
  const { hub, output, sent, port } = start(t)
  output('0123')
  output('gone', { terminalId: 'other' })
  hub.detach('a1', { send() {} })
  t.same(
    hub.input(new FakeViewer('v'), { agentId: 'a1', terminalId: 'main', data: 'x', inputSeq: 1 }),
    { status: 'ok' },
    'an older connection detaches nothing',
  )
  hub.detach('a1', port)
  t.match(hub.input(new FakeViewer('v'), { agentId: 'a1', terminalId: 'main', data: 'x', inputSeq: 2 }), {
    error: { code: 'unavailable' },
  })
  sent.length = 0
  hub.attach('a1', port, [
    { terminalId: 'main', cols: 100, rows: 30, offset: 9 },
    { terminalId: 'new', cols: 80, rows: 24, offset: 3 },
  ])
  t.same(sent, [
    { type: 'terminal:resend', payload: { terminalId: 'main', from: 4 } },
    { type: 'terminal:resend', payload: { terminalId: 'new', from: 0 } },
  ])
  output('9!', { offset: 9 })
  output('45678', { offset: 4 })
  output('9!', { offset: 9 })
  t.equal(await render(hub, 'a1', 'main', 'text'), '0123456789!\n')
  t.match(
    hub.input(new FakeViewer('v'), { agentId: 'a1', terminalId: 'other', data: 'x', inputSeq: 1 }),
    { error: { code: 'conflict' } },
    'a terminal that it does not list has ended',
  )

  hub.attach('a1', port, [{ terminalId: 'main', cols: 80, rows: 24, offset: 2 }])
  output('hi', { offset: 0 })
  t.equal(
    await render(hub, 'a1', 'main', 'text'),
    'hi\n',
    'an offset below the known one means another terminal with the same name',
  )
})

t.test(
  '[TM3] [TM4] a viewer that acknowledges nothing gets its credit, and later a snapshot that reports the gap',
  async t => {
    const { hub, output } = start(t, isFull ? {} : { creditBytes: CREDIT_BYTES })
    const frozen = new FakeViewer('frozen')
    const quick = new FakeViewer('quick')
    output('begin\r\n')
    for (const viewer of [frozen, quick]) {
      hub.open(viewer, { agentId: 'a1' })
      await viewer.next('terminal:snapshot')
    }
    const CHUNKS = (2 * CREDIT_BYTES) / 1024
    const chunk = `${'x'.repeat(1022)}\r\n`
    for (let i = 0; i < CHUNKS; i++) {
      output(chunk)
      hub.ack(quick, { agentId: 'a1', terminalId: 'main', offset: 7 + (i + 1) * 1024 })
    }
    t.equal(quick.outputBytes, CHUNKS * 1024, 'the quick viewer misses nothing')
    t.equal(frozen.outputBytes, CREDIT_BYTES, 'the frozen viewer gets exactly its credit')
    t.equal(frozen.of('terminal:snapshot').length, 1)

    hub.ack(frozen, { agentId: 'a1', offset: 7 + Math.floor(CREDIT_BYTES / 5) })
    t.equal(frozen.outputBytes, CREDIT_BYTES, 'more than half of the credit is still outstanding')
    hub.ack(frozen, { agentId: 'a1', offset: 7 + CREDIT_BYTES })
    const again = await frozen.next('terminal:snapshot', 1)
    t.same(again.gap, { from: 7 + CREDIT_BYTES, to: again.offset }, 'the gap is what it did not get as bytes')
    t.equal(
      frozen.outputBytes - CREDIT_BYTES,
      7 + CHUNKS * 1024 - again.offset,
      'and it gets every byte after the snapshot',
    )
    output('live again')
    t.equal(frozen.of('terminal:output').at(-1)?.data, 'live again')
    t.same((await ReferenceScreen.of(frozen.frames)).look(), (await ReferenceScreen.of(quick.frames)).look())
  },
)

t.test('a viewer at its limit that missed nothing continues without a snapshot', async t => {
  const { hub, output } = start(t, { creditBytes: 100 })
  const viewer = new FakeViewer('v1')
  output('x')
  hub.open(viewer, { agentId: 'a1' })
  await viewer.next('terminal:snapshot')
  output('y'.repeat(100))
  output('')
  hub.ack(viewer, { agentId: 'a1', offset: 101 })
  output('z')
  t.equal(viewer.of('terminal:snapshot').length, 1)
  t.equal(viewer.outputBytes, 101)
})

t.test('a flood may overrun the ring while a snapshot is drawn', async t => {
  const { hub, output } = start(t, { ringBytes: 64 * 1024 })
  const viewer = new FakeViewer('v1')
  const line = `${'f'.repeat(62)}\r\n`
  output(line.repeat(512))
  hub.open(viewer, { agentId: 'a1' })
  for (let i = 0; i < 8; i++) output(line.repeat(512))
  const snapshot = await viewer.next('terminal:snapshot')
  output('the end')
  t.equal(viewer.of('terminal:output').at(-1)?.data.slice(-7), 'the end')
  t.equal(snapshot.offset + viewer.outputBytes, 9 * 512 * 64 + 7, 'every byte after the snapshot arrived')
})

t.test('[TM10] without a terminalId the viewer follows the newest terminal', async t => {
  const { hub, output } = start(t)
  const viewer = new FakeViewer('v1')
  t.same(hub.open(viewer, { agentId: 'a1' }), { status: 'ok' })
  t.same(viewer.of('terminal:snapshot'), [
    { agentId: 'a1', terminalId: 'main', cols: 80, rows: 24, offset: 0, screen: '', title: '' },
  ])
  output('one', { terminalId: 't1' })
  t.match(await viewer.next('terminal:snapshot', 1), { terminalId: 't1', offset: 0 })
  output('two', { terminalId: 't2' })
  t.match(await viewer.next('terminal:snapshot', 2), { terminalId: 't2', offset: 0 })
  output('old', { terminalId: 't1' })
  output('new', { terminalId: 't2' })
  t.match(viewer.of('terminal:output'), [
    { terminalId: 't1', data: 'one', offset: 0 },
    { terminalId: 't2', data: 'two', offset: 0 },
    { terminalId: 't2', data: 'new', offset: 3 },
  ])
  hub.exit('a1', { terminalId: 't2', exitCode: 3 })
  t.same(viewer.of('terminal:exit'), [{ agentId: 'a1', terminalId: 't2', exitCode: 3, signal: undefined }])
  t.same(hub.close(viewer, { agentId: 'a1', terminalId: 't2' }), { status: 'ok' }, 'closed by the name that was shown')
  output('x', { terminalId: 't3' })
  t.equal(viewer.of('terminal:snapshot').length, 3)
})

t.test('[TM11] a terminal may be opened before it exists', async t => {
  const { hub, output } = start(t)
  const viewer = new FakeViewer('v1')
  hub.open(viewer, { agentId: 'a1', terminalId: 'cmd_1' })
  t.match(viewer.of('terminal:snapshot'), [{ terminalId: 'cmd_1', screen: '' }])
  output('other', { terminalId: 'cmd_2' })
  output('mine', { terminalId: 'cmd_1' })
  t.match(await viewer.next('terminal:snapshot', 1), { terminalId: 'cmd_1', offset: 0 })
  t.match(viewer.of('terminal:output'), [{ terminalId: 'cmd_1', data: 'mine' }])
})

t.test('[TM12] mode snapshot sends the visible screen at most once a second, and the end', async t => {
  const { hub, output, clock } = start(t)
  const viewer = new FakeViewer('v1')
  output(Array.from({ length: 100 }, (_, i) => `line ${i}\r\n`).join(''))
  hub.open(viewer, { agentId: 'a1', terminalId: 'main', mode: 'snapshot' })
  const first = await viewer.next('terminal:snapshot')
  t.notMatch(first.screen, 'line 10\r', 'without scrollback')
  t.match(first.screen, 'line 99')
  output('a')
  output('b')
  clock.advance(999)
  t.equal(viewer.frames.length, 1)
  clock.advance(1)
  t.match((await viewer.next('terminal:snapshot', 1)).screen, 'ab')
  clock.advance(60_000)
  t.equal(viewer.frames.length, 2, 'without changes nothing is sent')
  hub.exit('a1', { terminalId: 'main', exitCode: 0 })
  t.match(await viewer.next('terminal:exit'), { exitCode: 0 })
  output('c', { terminalId: 'main' })
  hub.leave(viewer)
  t.equal(clock.pending, 0, 'no timer outlives its viewer')
})

t.test('[TM6] input is typed once per number and renumbered for the agent; refusals are returned', async t => {
  const { hub, output, sent } = start(t)
  const [one, two] = [new FakeViewer('one'), new FakeViewer('two')]
  const type = (viewer: FakeViewer, data: string, inputSeq: number) =>
    hub.input(viewer, { agentId: 'a1', data, inputSeq }) as TerminalResult
  t.match(type(one, 'x', 1), { status: 'refused', error: { code: 'not_found' } })
  output('$ ')
  t.same(
    [type(one, 'a', 0), type(one, 'a', 0), type(two, 'b', 0), type(one, 'c', 1), type(one, 'a', 0)].map(r => r.status),
    Array(5).fill('ok'),
  )
  const typed = sent.map(frame => frame.payload as AgentServerPayloads['terminal:input'])
  t.equal(typed.map(({ data }) => data).join(''), 'abc')
  const numbers = typed.map(({ inputSeq }) => inputSeq)
  t.same(
    numbers,
    [...new Set(numbers)].sort((a, b) => a - b),
    'increasing',
  )
  hub.exit('a1', { terminalId: 'main' })
  t.match(type(one, 'd', 2), { error: { code: 'conflict' } })
})

t.test('[TM13] the first viewer that sets the size holds it until it closes', async t => {
  const { hub, output, sent } = start(t)
  const [one, two] = [new FakeViewer('one'), new FakeViewer('two')]
  output('$ ')
  for (const viewer of [one, two]) hub.open(viewer, { agentId: 'a1' })
  const resize = (viewer: FakeViewer, cols: number) => hub.resize(viewer, { agentId: 'a1', cols, rows: 30 })
  t.same(resize(one, 100), { status: 'ok' })
  t.match(resize(two, 120), { status: 'refused', error: { code: 'conflict' } })
  t.same(resize(one, 110), { status: 'ok' })
  hub.resize('a1', { terminalId: 'main', cols: 110, rows: 30 })
  t.same(resize(one, 110), { status: 'ok' })
  t.equal(sent.length, 2, 'an unchanged size is not sent again')
  hub.close(one, { agentId: 'a1' })
  t.same(resize(two, 120), { status: 'ok' })
  hub.leave(two)
  t.same(resize(one, 90), { status: 'ok' })
})

t.test('ended, live and open terminals and their memory are limited', async t => {
  const { hub, output } = start(t, {
    keptEnded: 3,
    maxLive: 5,
    maxOpen: 2,
    ringBytes: 64 * 1024,
    totalBytes: 200 * 1024,
  })
  for (let i = 0; i < 10; i++) {
    output('x', { terminalId: `e${i}` })
    hub.exit('a1', { terminalId: `e${i}`, exitCode: 0 })
  }
  t.equal(await render(hub, 'a1', 'e6', 'text'), undefined)
  t.equal(await render(hub, 'a1', 'e7', 'text'), 'x\n')

  const viewer = new FakeViewer('v1')
  t.equal(hub.open(viewer, { agentId: 'a1', terminalId: 'e7' }).status, 'ok')
  t.equal(hub.open(viewer, { agentId: 'a1', terminalId: 'e8' }).status, 'ok')
  t.match(hub.open(viewer, { agentId: 'a1', terminalId: 'e9' }), { error: { code: 'subscription_limit' } })
  t.equal(hub.open(viewer, { agentId: 'a1', terminalId: 'e8' }).status, 'ok', 'opening it again does not count twice')

  for (let i = 0; i < 8; i++) output('y'.repeat(60 * 1024), { terminalId: `l${i}` })
  const oneMore = { terminalId: 'l9', offset: 0, data: 'x', encoding: 'utf8' as const }
  t.match(hub.output('a1', oneMore), { code: 'too_large', details: { limit: 5 } })
  t.match(hub.resize('a1', { terminalId: 'l9', cols: 1, rows: 1 }), { code: 'too_large' })
  t.ok(hub.allocatedBytes <= 200 * 1024, `${hub.allocatedBytes} bytes`)
  t.equal(await render(hub, 'a1', 'l5', 'text'), undefined, 'one live terminal too many is refused')
  t.equal(await render(hub, 'a1', 'e9', 'text'), undefined, 'an ended terminal that nobody watches is dropped')
  t.equal(await render(hub, 'a1', 'e7', 'text'), 'x\n', 'a watched one is kept')
  t.equal(await render(hub, 'a1', 'l1', 'text'), '', 'a live one has released its history')
  output('and goes on', { terminalId: 'l1' })
  t.equal(await render(hub, 'a1', 'l1', 'text'), 'and goes on\n')
  hub.exit('a1', { terminalId: 'l1', exitCode: 0 })
  t.equal(hub.output('a1', oneMore), undefined, 'once one has ended, another may begin')

  hub.remove('a1')
  t.equal(hub.allocatedBytes, 0)
  t.equal(await render(hub, 'a1', undefined, 'text'), undefined)
})

t.test('a recording in asciicast v3 has the output with its times, sizes, the end, and what is missing', async t => {
  const { hub, output, clock } = start(t, { ringBytes: 100 })
  hub.resize('a1', { terminalId: 'main', cols: 100, rows: 30 })
  const [smile, rest] = [Buffer.from('🙂').subarray(0, 2), Buffer.from('🙂').subarray(2)]
  output('one\r\n')
  clock.advance(1500)
  output(new Uint8Array(smile))
  clock.advance(250)
  output(new Uint8Array(rest))
  hub.resize('a1', { terminalId: 'main', cols: 90, rows: 20 })
  clock.advance(1000)
  output('two')
  hub.exit('a1', { terminalId: 'main', exitCode: 2 })
  const cast = (await render(hub, 'a1', 'main', 'cast')) ?? ''
  const [header, ...events] = cast
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(header, { version: 3, term: { cols: 100, rows: 30 }, timestamp: 1_700_000_000 })
  t.same(events, [
    [0, 'o', 'one\r\n'],
    [1.75, 'o', '🙂'],
    [0, 'r', '90x20'],
    [1, 'o', 'two'],
    [0, 'x', '2'],
  ])
  output('z'.repeat(200))
  const shorter = ((await render(hub, 'a1', 'main', 'cast')) ?? '')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  t.same(shorter[1], [0, 'm', '112 earlier bytes were not kept'])
  t.equal(
    shorter
      .slice(1)
      .filter(([, code]) => code === 'o')
      .map(([, , data]) => data)
      .join(''),
    'z'.repeat(100),
  )
})

t.test('a thousand viewers that join at once are served from one drawing', async t => {
  const { hub, output } = start(t)
  output('x'.repeat(1024 * 1024))
  const viewers = Array.from({ length: 1000 }, (_, i) => new FakeViewer(`v${i}`))
  for (const viewer of viewers) hub.open(viewer, { agentId: 'a1' })
  const snapshots = await Promise.all(viewers.map(viewer => viewer.next('terminal:snapshot')))
  t.equal(new Set(snapshots.map(({ screen }) => screen)).size, 1)
  output('y')
  t.equal(new Set(viewers.map(viewer => viewer.of('terminal:output')[0])).size, 1, 'and output is one object for all')
})

/** What was typed into the agent's terminal, in order. */
const typedTo = (sent: Sent[]) =>
  sent.filter(({ type }) => type === 'terminal:input').map(({ payload }) => (payload as { data: string }).data)

async function typed(sent: Sent[], count: number): Promise<string[]> {
  while (typedTo(sent).length < count) await new Promise(resolve => setImmediate(resolve))
  return typedTo(sent)
}

t.test(
  '[TM14] a query is answered once, in order, whether anybody watches or not, and however it is split',
  async t => {
    const { hub, output, sent } = start(t)
    output('ab\x1b[6n')
    t.same(await typed(sent, 1), ['\x1b[1;3R'], 'nobody watches')
    const viewers = ['v1', 'v2', 'v3'].map(id => new FakeViewer(id))
    for (const viewer of viewers) hub.open(viewer, { agentId: 'a1' })
    output('\r\n\x1b]11;?\x07c\x1b[')
    output('6')
    output('n\x1b[c')
    t.same((await typed(sent, 4)).slice(1), ['\x1b]11;rgb:0000/0000/0000\x1b\\', '\x1b[2;2R', '\x1b[?1;2c'])
    for (const viewer of viewers) await viewer.next('terminal:snapshot')
    await render(hub, 'a1', undefined, 'text')
    t.equal(typedTo(sent).length, 4, 'drawing or reading it does not answer again')
    t.equal(viewers[0]?.of('terminal:snapshot')[0]?.answersFrom, undefined)
    hub.stop()
  },
)

t.test('[TM26] after a restart of the server, only later queries of a program are answered', async t => {
  const { hub, output, sent, port } = start(t)
  hub.attach('a1', port, [{ terminalId: 'main', cols: 80, rows: 24, offset: 8 }], 'b1')
  t.same(sent[0], { type: 'terminal:resend', payload: { terminalId: 'main', from: 0 } })
  // An answer now would be typed into whatever runs there by now.
  output('\x1b[6n\x1b[c')
  output('$ \x1b[5n')
  t.same(await typed(sent, 1), ['\x1b[0n'])
  await render(hub, 'a1', undefined, 'text')
  t.equal(typedTo(sent).length, 1)
  hub.stop()
})

t.test('[TM14] if a person uses a local terminal, that terminal answers', async t => {
  const { hub, output, sent } = start(t)
  hub.resize('a1', { terminalId: 'main', cols: 80, rows: 24, local: true })
  output('\x1b[c')
  output('\x1b[c', { terminalId: 'other' })
  t.same(await typed(sent, 1), ['\x1b[?1;2c'], 'only the other terminal is answered')
  hub.resize('a1', { terminalId: 'main', cols: 80, rows: 24 })
  output('\x1b[5n')
  t.same((await typed(sent, 2))[1], '\x1b[0n', 'nobody uses it any more')

  const [first, second] = [new FakeViewer('v1'), new FakeViewer('v2')]
  for (const viewer of [first, second]) hub.open(viewer, { agentId: 'a1', terminalId: 'main', answers: true })
  output('\x1b[c')
  t.equal((await typed(sent, 3)).length, 3, 'until the viewer has its screen, the server answers')
  t.equal((await first.next('terminal:snapshot')).answersFrom, 10)
  t.equal((await second.next('terminal:snapshot')).answersFrom, undefined, 'one viewer is enough')
  output('\x1b[5n')
  hub.leave(first)
  output('\x1b[>c')
  t.same((await typed(sent, 4))[3], '\x1b[>0;276;0c', 'the attached viewer answered 5n; after it left, the server does')
  hub.stop()
})

t.test('[TM9] offsets at the limit of safe integers cause no error', async t => {
  const { hub, output, sent, clock } = start(t)
  output('a')
  for (const offset of [2 ** 52, 2 ** 53 - 2, 2 ** 53 - 1]) {
    output('xx', { offset })
    clock.advance(6000)
    output('xx', { offset })
    hub.ack(new FakeViewer('v'), { agentId: 'a1', terminalId: 'main', offset })
  }
  hub.attach('a1', { send() {} }, [{ terminalId: 'main', cols: 80, rows: 24, offset: 2 ** 53 - 1 }])
  t.equal(await render(hub, 'a1', 'main', 'text'), 'xx\n', 'the last safe integer')
  t.ok(sent.length > 0)
  hub.stop()
})

import t from 'tap'
import { TerminalBuffer } from '../terminal-buffer.ts'
import { AgentTerminal } from './agent-terminal.ts'
import { encodeOutput } from './output-chunk.ts'

const text = 'plain \u001b[31mred\u001b[0m é ✓ 😀 \ufeff end'
const encoder = new TextEncoder()

function terminal(over: object = {}, acks?: (() => void)[]) {
  const reports: unknown[][] = []
  let ended = 0
  let online = true
  const made = new AgentTerminal(
    { terminalId: 'main', cols: 80, rows: 24, ...over },
    {
      wake() {},
      isOnline: () => online,
      acknowledge: ({ offset }) => reports.push(['terminal:ack', offset]),
      report: (type, payload, { sent, acked }) => {
        reports.push([type, payload])
        sent?.()
        if (acked !== undefined && acks !== undefined) acks.push(acked)
        else acked?.()
      },
      ended: () => ended++,
    },
  )
  made.announce()
  reports.length = 0
  const frames = (maxFrameBytes = 262_144) => {
    const all = []
    for (let frame = made.next(maxFrameBytes); frame !== undefined; frame = made.next(maxFrameBytes)) {
      all.push(JSON.parse(frame).payload)
    }
    return all
  }
  const goOffline = () => {
    online = false
    made.down()
  }
  return { made, frames, reports, ended: () => ended, goOffline }
}

t.test(
  'output waits until the server was told of the terminal, so that an earlier one with the id cannot get it',
  t => {
    const sent: (() => void)[] = []
    const made = new AgentTerminal(
      { terminalId: 'main', cols: 80, rows: 24 },
      {
        wake() {},
        isOnline: () => true,
        acknowledge() {},
        report: (_type, _payload, options) => sent.push(options.sent ?? (() => {})),
        ended() {},
      },
    )
    made.announce()
    made.write(encoder.encode('two'))
    t.equal(made.next(1_000), undefined)
    sent[0]!()
    t.match(JSON.parse(made.next(1_000) ?? ''), { payload: { offset: 0, data: 'two' } })
    t.end()
  },
)

t.test('characters cut at every byte arrive as they were', async t => {
  const bytes = encoder.encode(text)
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { made, frames } = terminal()
    made.write(bytes.subarray(0, cut))
    const parts = frames()
    made.write(bytes.subarray(cut))
    parts.push(...frames())
    const buffer = new TerminalBuffer()
    const received = parts
      .map(part => buffer.push(part))
      .flatMap(step => (step.kind === 'bytes' ? [...step.bytes] : []))
    if (!Buffer.from(received).equals(bytes)) t.fail(`cut at ${cut}`)
  }
  t.pass()
})

t.test('text goes as text, other bytes as base64, and a cut character waits for its rest', async t => {
  t.match(encodeOutput(5, encoder.encode('a✓')), { chunk: { offset: 5, data: 'a✓', encoding: 'utf8' }, length: 4 })
  t.match(encodeOutput(0, encoder.encode('a✓').subarray(0, 3)), { chunk: { data: 'a' }, length: 1 })
  t.match(encodeOutput(0, new Uint8Array([0xff, 0x41])), { chunk: { data: '/0E=', encoding: 'base64' }, length: 2 })
  t.match(encodeOutput(0, encoder.encode('✓').subarray(0, 2)), { chunk: { encoding: 'base64' }, length: 2 })
})

t.test('any output fits the frame limit, even all control characters', async t => {
  const { made, frames } = terminal()
  made.write(new Uint8Array(100_000).fill(1))
  for (const limit of [4_096, 262_144]) {
    made.resend(0)
    let at = 0
    for (const payload of frames(limit)) {
      if (Buffer.byteLength(JSON.stringify({ type: 'terminal:output', payload })) > limit) t.fail('over the limit')
      t.equal(payload.offset, at)
      at += payload.data.length
    }
    t.equal(at, 100_000)
  }
})

t.test('writes between two frames are sent as one', async t => {
  const { made, frames } = terminal()
  for (const part of ['a', 'b', 'c']) made.write(encoder.encode(part))
  t.same(frames(), [{ terminalId: 'main', offset: 0, data: 'abc', encoding: 'utf8' }])
})

t.test('a resend starts where it is asked, or at the oldest byte that is kept', async t => {
  const { made, frames } = terminal({ ringBytes: 10 })
  made.write(encoder.encode('0123456789'))
  frames()
  made.resend(4)
  t.match(frames(), [{ offset: 4, data: '456789' }])
  made.write(encoder.encode('abcde'))
  made.resend(0)
  t.match(frames(), [{ offset: 5, data: '56789abcde' }])
  made.resend(99)
  t.same(frames(), [], 'nothing is there yet')
  t.same(made.describe(), { terminalId: 'main', cols: 80, rows: 24, offset: 15 })
})

t.test(
  'what the server lacks is sent again after the exit too, without a size, which would begin another one',
  async t => {
    const { made, frames, reports } = terminal()
    made.write(encoder.encode('narrow'))
    made.resize(100, 30)
    made.write(encoder.encode('wide'))
    frames()
    made.exit({ exitCode: 0 })
    reports.length = 0
    made.resend(0)
    t.match(
      frames().map(({ offset }) => offset),
      [0, 6],
    )
    t.same(reports, [])
  },
)

t.test('[TM22] the exit comes after the last byte', async t => {
  const { made, frames, reports, ended } = terminal()
  made.write(encoder.encode('bye'))
  made.exit({ exitCode: 0 })
  made.write(encoder.encode('ignored'))
  t.same(reports, [])
  t.match(frames(), [{ data: 'bye' }])
  t.same(reports, [['terminal:exit', { terminalId: 'main', exitCode: 0 }]])
  t.equal(ended(), 1)
})

t.test('input is typed once; sizes go both ways', async t => {
  const typed: string[] = []
  const sizes: unknown[] = []
  const { made, reports } = terminal({
    onInput: (data: string) => typed.push(data),
    onResize: (size: unknown) => sizes.push(size),
  })
  made.input({ data: 'a', inputSeq: 7 })
  made.input({ data: 'a', inputSeq: 7 })
  made.input({ data: 'b', inputSeq: 5 })
  t.same(typed, ['a', 'b'])
  made.requestResize(100, 30)
  made.resize(120, 40)
  t.same(sizes, [{ cols: 100, rows: 30 }])
  t.same(reports, [['terminal:resize', { terminalId: 'main', cols: 120, rows: 40 }]])
  made.requestResize(100, 30)
  t.match(made.describe(), { cols: 120, rows: 40 }, 'a size that was wished for is none')
})

t.test(
  '[TM23] a size is told between the output from before it and that from after, also when output is sent again',
  async t => {
    const order: unknown[] = []
    let stores = true
    const made = new AgentTerminal(
      { terminalId: 'main', cols: 80, rows: 24 },
      {
        wake() {},
        isOnline: () => true,
        acknowledge() {},
        report: (_type, payload, { sent, acked }) => {
          order.push('cols' in payload && payload.cols)
          sent?.()
          if (stores) acked?.()
        },
        ended() {},
      },
    )
    const send = () => {
      for (let frame = made.next(262_144); frame !== undefined; frame = made.next(262_144))
        order.push(JSON.parse(frame).payload.data)
      return order.splice(0)
    }
    made.announce()
    made.write(encoder.encode('at 80'))
    made.resize(100, 24)
    made.write(encoder.encode('at 100'))
    made.resize(110, 24)
    made.resize(120, 24)
    t.same(send(), [80, 'at 80', 100, 'at 100', 120])
    made.resize(120, 24)
    made.write(encoder.encode('at 120'))
    t.same(send(), [120, 'at 120'])
    made.resend(2)
    t.match(made.describe(), { cols: 80, offset: 2 }, 'what a new connection says holds where its output continues')
    t.same(send(), [' 80', 100, 'at 100', 120, 'at 120'])
    made.resend(7)
    t.same(send(), [100, ' 100', 120, 'at 120'], 'the server takes a size where its output stands')

    stores = false
    made.resize(90, 24)
    made.describe()
    t.same(send(), [90, 90], 'reports that are sent again on a new connection come after what it was told')
  },
)

t.test('a writer is asked to wait while much is unsent, as long as there is a connection', async t => {
  const { made, frames, goOffline } = terminal()
  const chunk = new Uint8Array(512 * 1024).fill(120)
  t.equal(made.write(chunk), undefined)
  t.equal(made.write(chunk), undefined, 'up to 1 MiB')
  const wait = made.write(chunk)
  t.ok(wait instanceof Promise)
  t.equal(made.write(chunk), wait, 'one promise for all')
  t.equal(
    frames().reduce((sum, { data }) => sum + data.length, 0),
    4 * chunk.length,
  )
  await wait

  for (let i = 0; i < 3; i++) made.write(chunk)
  const interrupted = made.write(chunk)
  goOffline()
  await interrupted
  t.equal(made.write(chunk), undefined, 'without a connection work goes on')
})

t.test(
  'piped input is handed over once and in order, whatever is sent again, and acknowledged as it is taken',
  async t => {
    const taken: [string, boolean][] = []
    const { made, reports } = terminal({
      onPiped: (bytes: Uint8Array, eof: boolean) => taken.push([new TextDecoder().decode(bytes), eof]),
    })
    made.input({ data: 'abc', offset: 0, inputSeq: 1 })
    made.input({ data: 'bcd', offset: 1, inputSeq: 2 })
    made.input({ data: 'later', offset: 9, inputSeq: 3 })
    made.taken(4)
    made.input({ data: 'AAEC', encoding: 'base64', offset: 4, eof: true, inputSeq: 4 })
    made.input({ data: '', offset: 7, eof: true, inputSeq: 5 })
    made.input({ data: 'more', offset: 7, inputSeq: 6 })
    t.same(taken, [
      ['abc', false],
      ['d', false],
      ['\0\u0001\u0002', true],
    ])
    t.same(reports.at(-1), ['terminal:ack', 4], 'what was handed over is taken when the program has it')
  },
)

import t from 'tap'
import { Screen } from '../../../src/terminals/screen.ts'
import { ReferenceScreen } from '../../helpers/reference-screen.ts'
import { draw } from '../../helpers/screens.ts'

const size = { cols: 80, rows: 24 }

t.test('a screen drawn from a state looks like the original, including what the addon leaves out', async t => {
  const cases = {
    'a hidden cursor': '\x1b[?25lhidden',
    'a scroll region with the cursor in it': '\x1b[2J\x1b[3;6r\x1b[6;1Hlast line',
    'an alternate screen with a mouse': 'before\r\n\x1b[?1049h\x1b[?1000h\x1b[?1006h\x1b[7mfull screen',
    'a saved cursor': 'one\x1b7\x1b[5;5Htwo',
    'line drawing': 'a\x1b(0qqq',
    colours: '\x1b[1;38;2;1;2;3mbold \x1b[48;5;200mback',
    'wide and joined characters': '日本語🙂é',
    'a full last line, the cursor elsewhere': `\x1b[?7l${'w'.repeat(100)}\x1b[5;20Hplaced`,
    'a long scrollback': Array.from({ length: 500 }, (_, i) => `line ${i}\r\n`).join(''),
  }
  const more = '\x1b8three\r\nmore\n\n\n\n\x1b[Hqqq\x1b[5;5H\x1b[32mgreen'
  for (const [name, text] of Object.entries(cases)) {
    const screen = new Screen(size, 0)
    await draw(screen, text)
    const state = screen.state()
    screen.dispose()
    const original = new ReferenceScreen()
    const copy = new ReferenceScreen()
    await original.write(text)
    await copy.write(state?.screen ?? '')
    t.same(copy.look(), original.look(), name)
    await original.write(more)
    await copy.write(more)
    t.same(copy.look(), original.look(), `${name}, continued`)
  }
})

t.test('a full-screen program on a terminal that got narrower shows nothing from beyond its edge', async t => {
  const screen = new Screen(size, 0)
  await draw(screen, `\x1b[?1049h${'wide '.repeat(16)}`)
  screen.resize({ cols: 40, rows: 24 })
  await draw(screen, '\x1b[H\x1b[J\x1b[2Hnarrow')
  t.equal(screen.text().trim(), 'narrow')
  const copy = new ReferenceScreen({ cols: 40, rows: 24 })
  await copy.write(screen.state()?.screen ?? '')
  t.notMatch(copy.look().screen, /wide/)
})

t.test('[TM14] the screen answers a program’s queries', async t => {
  const screen = new Screen(size, 0)
  const answers: [query: string, answer: string][] = [
    ['\x1b[c', '\x1b[?1;2c'],
    ['\x1b[>c', '\x1b[>0;276;0c'],
    ['\x1b[5n', '\x1b[0n'],
    ['ab\x1b[6n', '\x1b[1;3R'],
    ['\x1b[?6n', '\x1b[?1;3R'],
    ['\x1b[?996n', '\x1b[?997;1n'],
    ['\x1b[?25$p', '\x1b[?25;1$y'],
    ['\x1b[4$p', '\x1b[4;2$y'],
    ['\x1b[18t', '\x1b[8;24;80t'],
    ['\x1b[>q', '\x1bP>|fleetwire\x1b\\'],
    ['\x1b[?u', '\x1b[?0u'],
    ['\x1b]10;?\x07', '\x1b]10;rgb:e5e5/e5e5/e5e5\x1b\\'],
    ['\x1b]11;?\x1b\\', '\x1b]11;rgb:0000/0000/0000\x1b\\'],
    ['\x1b]10;?;?\x07', '\x1b]10;rgb:e5e5/e5e5/e5e5\x1b\\\x1b]11;rgb:0000/0000/0000\x1b\\'],
    [
      '\x1b]4;1;?;16;?;255;?\x07',
      '\x1b]4;1;rgb:cdcd/0000/0000\x1b\\\x1b]4;16;rgb:0000/0000/0000\x1b\\\x1b]4;255;rgb:eeee/eeee/eeee\x1b\\',
    ],
    ['\x1bP$qm\x1b\\', '\x1bP1$r0m\x1b\\'],
  ]
  for (const [query, answer] of answers) t.same(await draw(screen, query), [answer], JSON.stringify(query))
  for (const silent of ['\x1b]52;c;?\x07', '\x1b]0;?\x07', '\x1b[21t', '\x1b]11;#123456\x07', '\x1bP+q544e\x1b\\']) {
    t.same(await draw(screen, silent), [], `${JSON.stringify(silent)} is not answered`)
  }
  t.same(await draw(screen, '\x1bP$q"p\nid\n\x1b\\'), ['\x1bP0$r\x1b\\'], 'nothing of the query is echoed')
  t.equal(screen.state()?.screen, 'ab\x1b[1;3H', 'nothing of it is left in the state')
  screen.dispose()
})

t.test('a screen has a title, its text and long lines', async t => {
  const screen = new Screen({ cols: 10, rows: 3 }, 0)
  await draw(screen, `\x1b]0;${'t'.repeat(10_000)}\x07one\r\n${'x'.repeat(25)}\r\n\r\n`)
  t.equal(screen.text(), `one\n${'x'.repeat(25)}\n`)
  t.equal(screen.state()?.title.length, 512)
  const empty = new Screen(size, 0)
  t.equal(empty.text(), '')
  screen.dispose()
  empty.dispose()
})

t.test('[TM16] a sequence that costs too much is not executed, and the screen says so', async t => {
  const large = { cols: 1000, rows: 1000 }
  const cases = ['L', 'M', 'S', 'T', 'J'].map(final => `\x1b[2${final === 'J' ? '' : '000'}${final}`)
  for (const [at, sequence] of [...cases, '\x1bc', '\x1b#8', '\x1b[?1049h\x1b[?1049l', 'x\x1b[9999b'].entries()) {
    const screen = new Screen(large, 0)
    await draw(screen, sequence.repeat(Math.floor(1024 / sequence.length)))
    t.equal(screen.isTooExpensive, at !== 8, JSON.stringify(sequence))
    screen.dispose()
  }
  const small = new Screen(size, 0)
  for (const final of ['b', 'I', 'L', 'M', 'S', 'T', 'Z']) await draw(small, `a\x1b[2147483647${final}`)
  await draw(small, '\x1b[2J\x1b[Hend')
  t.notOk(small.isTooExpensive)
  t.match(small.text(), 'end', 'an excessive count is capped')
  small.dispose()
})

t.test('a sequence that makes xterm throw is not executed', async t => {
  const screen = new Screen(size, 0)
  await draw(screen, 'x\x1b[24;80H\x1b[1J\x1b[?1J\x1b[Hend')
  t.match(screen.text(), /^end/)
  screen.dispose()
})

t.test('a state that is too large to send is taken without scrollback', async t => {
  const screen = new Screen({ cols: 500, rows: 50 }, 0)
  const line = Array.from({ length: 500 }, (_, i) => `\x1b[38;2;${i % 256};${i % 7};1m\x1b[48;2;1;${i % 256};2mx`).join(
    '',
  )
  for (let i = 0; i < 100; i++) await draw(screen, line)
  const { length = 0 } = screen.state()?.screen ?? {}
  t.ok(length > 256 * 1024 && length <= 1024 * 1024, `${length}`)
  screen.dispose()
})

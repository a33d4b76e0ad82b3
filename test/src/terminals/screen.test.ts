import t from 'tap'
import { Screen } from '../../../src/terminals/screen.ts'
import { ReferenceScreen } from '../../helpers/reference-screen.ts'

const size = { cols: 80, rows: 24 }
const bytes = (text: string) => Buffer.from(text)

t.test('what is drawn from a state looks like the original, also with the state that the addon leaves out', async t => {
  const cases = {
    'a hidden cursor': '\x1b[?25lhidden',
    'a scroll region with the cursor in it': '\x1b[2J\x1b[3;6r\x1b[6;1Hlast line',
    'an alternate screen with a mouse': 'before\r\n\x1b[?1049h\x1b[?1000h\x1b[?1006h\x1b[7mfull screen',
    'a saved cursor': 'one\x1b7\x1b[5;5Htwo',
    'line drawing': 'a\x1b(0qqq',
    colours: '\x1b[1;38;2;1;2;3mbold \x1b[48;5;200mback',
    'wide and joined characters': '日本語🙂é',
    'a long scrollback': Array.from({ length: 500 }, (_, i) => `line ${i}\r\n`).join(''),
  }
  const more = '\x1b8three\r\nmore\n\n\n\n\x1b[Hqqq\x1b[5;5H\x1b[32mgreen'
  for (const [name, text] of Object.entries(cases)) {
    const screen = new Screen(size, 0)
    screen.feed(0, bytes(text))
    const state = await screen.state()
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

t.test('[TM14] a query is not answered: not by the screen, and not by whoever draws its state', async t => {
  const screen = new Screen(size, 0)
  screen.feed(0, bytes('\x1b[c\x1b[>c\x1b[5n\x1b[6n\x1b]10;?\x07\x1bP$qm\x1b\\\x1b[?1$p\x1b[14t'))
  const state = await screen.state()
  t.equal(state?.screen, '', 'nothing of it is left in the state')
  screen.dispose()
})

t.test('title, text and long lines', async t => {
  const screen = new Screen({ cols: 10, rows: 3 }, 0)
  screen.feed(0, bytes(`\x1b]0;${'t'.repeat(10_000)}\x07one\r\n${'x'.repeat(25)}\r\n\r\n`))
  t.equal(await screen.text(), `one\n${'x'.repeat(25)}\n`)
  t.equal((await screen.state())?.title.length, 512)
  const empty = new Screen(size, 0)
  t.equal(await empty.text(), '')
  screen.dispose()
  empty.dispose()
})

t.test('counts that would keep the parser busy for an hour are ignored', async t => {
  const screen = new Screen(size, 0)
  for (const final of ['b', 'I', 'L', 'M', 'S', 'T', 'Z']) screen.feed(screen.end, bytes(`a\x1b[2147483647${final}`))
  screen.feed(screen.end, bytes('\r\nend'))
  t.match(await screen.text(), 'end')
  screen.dispose()
})

t.test('a state too large to send is taken without scrollback', async t => {
  const screen = new Screen({ cols: 500, rows: 50 }, 0)
  const line = Array.from({ length: 500 }, (_, i) => `\x1b[38;2;${i % 256};${i % 7};1m\x1b[48;2;1;${i % 256};2mx`).join(
    '',
  )
  for (let i = 0; i < 300; i++) screen.feed(screen.end, bytes(line))
  const state = await screen.state()
  t.ok((state?.screen.length ?? 0) <= 1024 * 1024)
  screen.dispose()
})

t.test('a screen that is disposed settles whoever waits for it', async t => {
  const screen = new Screen(size, 0)
  screen.feed(0, bytes('x'))
  const state = screen.state()
  screen.dispose()
  t.equal(await state, undefined)
})

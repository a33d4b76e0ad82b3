import { test } from 'tap'
import { TerminalModes } from '../../../src/wrap/terminal-modes.ts'

const undoOf = (text: string, pieces = 1_000_000): string => {
  const modes = new TerminalModes()
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += pieces) modes.push(bytes.subarray(at, at + pieces))
  return modes.undo
}

const vim =
  '\x1b[?1049h\x1b[22;0;0t\x1b[>4;2m\x1b[?1h\x1b=\x1b[?2004h\x1b[?1004h\x1b[1;24r\x1b[?12h\x1b[?12l\x1b[22;2t\x1b[27m' +
  '\x1b[23m\x1b[29m\x1b[m\x1b[H\x1b[2J\x1b[?25l\x1b[?1006;1000h\x1b]2;a title\x07text\x1b[?25h'

test('everything that a program sets is undone, and nothing else', async t => {
  t.equal(undoOf(''), '')
  t.equal(undoOf('plain\r\n\x1b[2Jtext\x1b[5;5H'), '')
  t.equal(undoOf('\x1b[31mred'), '\x1b[0m')
  t.equal(undoOf('\x1b[31mred\x1b[0m'), '')
  t.equal(undoOf('\x1b[?25l'), '\x1b[?25h')
  t.equal(undoOf('\x1b[?25l\x1b[?25h'), '')
  t.equal(undoOf('\x1b[>1u\x1b[>5u'), '\x1b[<2u')
  t.equal(undoOf('\x1b[>1u\x1b[>5u\x1b[<2u'), '')
  t.equal(undoOf('\x1b[2 q'), '\x1b[0 q')
  const undo = undoOf(vim)
  for (const part of [
    '\x1b[?1049l',
    '\x1b[?2004l',
    '\x1b[?1006l',
    '\x1b[?1000l',
    '\x1b[?1l',
    '\x1b>',
    '\x1b[>4m',
    '\x1b[r',
  ])
    t.ok(undo.includes(part), JSON.stringify(part))
  t.notMatch(undo, '\x1b[?25h')
  t.equal(undoOf(`${vim}\x1bc`), '', 'a reset undoes everything')
  t.equal(undoOf(vim + undo), '', 'and so does the undo sequence')
  t.equal(undoOf('\x1b]2;a title that goes on'), '\x1b\\', 'whatever followed would be part of the title')
})

test('colours are reset unless the program did so last', async t => {
  const coloured = [
    ...['38;5;0', '48;5;0', '58;5;0', '48;2;0;0;0', '1;38;2;255;0;0', '38:5:0', '48:2::0:0:0', '38;05;0'],
    ...['0;1', '0;38;5;0', ';31', '0;0;48;2;0;0;0', '38;5;0;48;5;0', '38;5', '38;2;0', '38;2;0;0;0;1'],
  ]
  for (const list of coloured) t.equal(undoOf(`\x1b[${list}m`), '\x1b[0m', list)
  const plain = ['', '0', '00', ';', '31;0', '31;', '38;5;0;0', '48;2;0;0;0;', '38;5;48;5;0', '38:5:0;0']
  for (const list of plain) t.equal(undoOf(`\x1b[31m\x1b[${list}m`), '', list)
  t.equal(undoOf('\x1b[38;5;0mblack\x1b[m'), '')
})

test('output may be split anywhere', async t => {
  const whole = undoOf(vim)
  for (const pieces of [1, 2, 3, 5, 7]) t.equal(undoOf(vim, pieces), whole, `in pieces of ${pieces}`)
})

import { test } from 'tap'
import { safeColoured, safeJson, safeLine, safeLines } from '../../../src/cli/safe-text.ts'
import { seededRandom } from '../../helpers/random.ts'

const SEED = Number(process.env.SEED ?? 20_261_127)
const PIECES = [
  ...['\x1b', '\x1b[', '\x1b]', '\x1b]52;c;ZXZpbA==', '\x07', '\x1b\\', '\x1b]0;title', '\x1bP', '\x1b_', '\x1bX'],
  ...['\x1b[31m', '\x1b[38;5;8m', '\x1b[0m', '\x1b[2J', '\x1b[1;1H', '\x1b[?1049h', '\x1b[>c', '\x1b(0', '\x1bc'],
  ...['\x9b', '\x9b2J', '\x9d52;c;', '\x9c', '\x90', '\x85', '\x8d', '\x7f', '\0', '\b', '\r', '\n', '\r\n', '\t'],
  ...['\u202e', '\u2066', '\u2069', '\u200f', '\u061c', '\u2028', '\ufeff', '\u200b', '\ud800', '🙂', 'é', '中'],
  ...['m', '[', '31m', ']', ';', '2J', '\\', 'text', ' ', '12:00:00 command:succeeded a1 cmd_1'],
]
// biome-ignore-start lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const STEERS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/
const COLOUR = /\u001b\[[0-9;:]*m/g
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: as above

test('control sequences are removed, text and colours stay', async t => {
  const rows: [text: string, line: string, coloured: string][] = [
    ['plain é 中 🙂', 'plain é 中 🙂', 'plain é 中 🙂'],
    ['\x1b[31mred\x1b[0m', 'red', '\x1b[31mred\x1b[0m\x1b[0m'],
    ['a\x1b]52;c;ZXZpbA==\x07b', 'ab', 'ab'],
    ['a\x1b]0;title\x1b\\b', 'ab', 'ab'],
    ['a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\', 'ab', 'ab'],
    ['a\x1bPq#0\x1b\\b\x9d0;t\x9cc', 'abc', 'abc'],
    ['\x1b[2J\x1b[H\x1b[1Ax\x9b2Ky', 'xy', 'xy'],
    ['real\rforged', 'real forged', 'real forged'],
    ['real\n12:00:00 forged', 'real 12:00:00 forged', 'real 12:00:00 forged'],
    ['real\x85forged\u2028more', 'real forgedmore', 'real forgedmore'],
    ['abc\u202efed\u202c', 'abcfed', 'abcfed'],
    ['\x1b\x1b[31m[2J', '[2J', '\x1b[31m[2J\x1b[0m'],
    ['\x1b[\x1b[2J', '', ''],
    ['cut \x1b]52;c;AAAA', 'cut ', 'cut '],
  ]
  t.strictSame(
    rows.map(([text]) => [text, safeLine(text), safeColoured(text)]),
    rows,
  )
  t.equal(safeLines('one\r\ntwo\x1b[2J\nthree'), 'one\ntwo\nthree')
})

test('no combination of fragments gets a control sequence through', async t => {
  const random = seededRandom(SEED)
  for (let i = 0; i < 20_000; i++) {
    const text = Array.from({ length: random.below(12) }, () => random.pick(PIECES)).join('')
    const told = `seed ${SEED}: ${JSON.stringify(text)}`
    if (STEERS.test(safeLine(text))) t.fail(`safeLine, ${told}`)
    if (STEERS.test(safeColoured(text).replace(COLOUR, ''))) t.fail(`safeColoured, ${told}`)
    if (STEERS.test(safeLines(text).replaceAll('\n', ''))) t.fail(`safeLines, ${told}`)
    if (STEERS.test(safeJson({ text }))) t.fail(`safeJson, ${told}`)
    if ((JSON.parse(safeJson({ text })) as { text: string }).text !== text) t.fail(`another value, ${told}`)
  }
  t.pass('20,000 mixtures')
})

test('a text that begins a thousand sequences takes time linear in its length', async t => {
  for (const start of ['\x1b]', '\x1b[', '\x1b[31', '\x9d', '\x1b ', '\x1b[0;']) {
    t.ok(safeColoured(start.repeat(100_000)).length <= 400_000)
  }
})

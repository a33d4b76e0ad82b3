import t from 'tap'
import { firstLine, lastLine } from '../../../src/summaries/last-line.ts'

t.test('it is the last line with text, without control sequences', async t => {
  const cases: [text: string, line: string | undefined][] = [
    ['', undefined],
    ['\r\n \n\t\r', undefined],
    ['one', 'one'],
    ['one\ntwo\n', 'two'],
    ['one\r\ntwo\r\n\r\n', 'two'],
    ['\x1b[32mgreen\x1b[0m tea\x1b[K', 'green tea'],
    ['\x1b]0;a title\x07$ ls', '$ ls'],
    ['  10%\r  20%\r', '20%'],
    ['done\n\x1b[2J\x1b[H', 'done'],
    ['cut off \x1b[3', 'cut off'],
    ['bell\x07 and \x00nul', 'bell and nul'],
    ['日本語 🚀', '日本語 🚀'],
  ]
  for (const [text, line] of cases) t.equal(lastLine(text, 200), line, JSON.stringify(text))
})

t.test('it is cut at its length, but never within a character', async t => {
  t.equal(lastLine('x'.repeat(300), 200)?.length, 200)
  t.equal(lastLine('123🚀', 4), '123')
  t.equal(lastLine('12🚀', 4), '12🚀')
  t.equal(firstLine('\n\n  make test\nmake lint', 120), 'make test')
  t.equal(firstLine('', 120), '')
})

import { test } from 'tap'
import { castText } from '../../../src/mcp/cast-text.ts'

const cast = (...written: string[]) =>
  [
    '{"version":3}',
    ...written.map(data => JSON.stringify([0.1, 'o', data])),
    '[1,"r","80x24"]',
    '[1,"x","0"]',
    '',
  ].join('\n')

test('the text is output without colours, however it was split', async t => {
  t.equal(castText(cast('one\r', '\ntw', 'o \x1b[31mred\x1b[0m\r\n')), 'one\ntwo red\n')
  t.equal(castText(cast('a\x1b]0;title\x07b', '\x1b[', '2Jc')), 'abc')
  t.equal(castText(cast()), '')
  t.equal(castText('{"version":3}'), '')
})

test('of an overwritten line, the last text counts', async t => {
  t.equal(castText(cast('10 %\r20 %\r100 %\r\ndone\r\n')), '100 %\ndone\n')
  t.equal(castText(cast('50 %\r\x1b[K')), '50 %')
  t.equal(castText(cast('x\r\r\ny')), 'x\ny')
})

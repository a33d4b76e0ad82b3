import t from 'tap'
import { screenLines } from './screen-text.ts'

t.test('colours and titles go, text stays', async t => {
  t.same(screenLines('\u001b]0;title\u0007\u001b[1;31mred\u001b[0m plain\r\nnext\r\n\r\n'), ['red plain', 'next'])
  t.same(screenLines('\u001b[38;2;1;2;3mx\u001b(By'), ['xy'])
  t.same(screenLines(''), [])
})

t.test('gaps, overwriting and moves', async t => {
  t.same(screenLines('a\u001b[3Cb'), ['a   b'])
  t.same(screenLines('abc\rx'), ['xbc'])
  t.same(screenLines('one\r\ntwo\u001b[A\u001b[10Gx\u001b[2;1HT'), ['one      x', 'Two'])
  t.same(screenLines('a\tb'), ['a       b'])
  t.same(screenLines('abcdef\u001b[4D\u001b[2X'), ['ab  ef'])
  t.same(screenLines('abcdef\u001b[3D\u001b[K'), ['abc'])
  t.same(screenLines('naïve 🙂!'), ['naïve 🙂!'])
})

t.test('the other buffer replaces the first', async t => {
  t.same(screenLines('shell\u001b[?1049h\u001b[Hvim'), ['vim'])
})

t.test('a hostile screen costs no more than it is long', async t => {
  t.equal(screenLines('\u001b[999999999B\u001b[999999999Cx').length, 1000)
  t.same(screenLines(`\u001b]${'x'.repeat(10)}`).length, 1)
  t.same(screenLines('\u001b]'.repeat(20_000)), [], 'titles without an end')
})

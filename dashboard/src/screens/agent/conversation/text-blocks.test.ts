import t from 'tap'
import { TextBlocks } from './text-blocks.ts'

const cut = (text: string) => {
  const blocks = new TextBlocks().push(text)
  return [...blocks.blocks, blocks.tail]
}

/** A text pushed in pieces of any size must be cut in the same places. */
function inPieces(text: string, size: number): string[] {
  const blocks = new TextBlocks()
  for (let end = size; end < text.length + size; end += size) blocks.push(text.slice(0, end))
  return [...blocks.blocks, blocks.tail]
}

t.test('cut at blank lines', async t => {
  t.same(cut('one\n\ntwo\n\nthree'), ['one', 'two', 'three'])
  t.same(cut('one\nstill one\n\n\n\ntwo'), ['one\nstill one', 'two'])
  t.same(cut('one\n\n'), ['one\n\n'], 'nothing is cut before it is known what follows')
  t.same(cut(''), [''])
  t.same(cut('\n\none'), ['\n\none'])
})

t.test('not inside fences', async t => {
  const code = '```ts\nlet a\n\nlet b\n```'
  t.same(cut(`before\n\n${code}\n\nafter`), ['before', code, 'after'])
  t.same(cut('````\n```\n\nx\n````\n\nafter'), ['````\n```\n\nx\n````', 'after'], 'a shorter fence closes nothing')
  t.same(cut('~~~\n```\n\nx\n~~~\n\nafter'), ['~~~\n```\n\nx\n~~~', 'after'])
  const open = new TextBlocks().push('one\n\n```js\nlet a\n\n')
  t.equal(open.tail, '```js\nlet a\n\n')
  t.same(open.openCode, { before: '', code: 'let a\n\n' })
  t.same(new TextBlocks().push('text\n```js\nlet a').openCode, { before: 'text\n', code: 'let a' })
  t.equal(new TextBlocks().push('```js\nlet a\n```\n').openCode, undefined)
})

t.test('an indented line after a blank one belongs to what is before it', async t => {
  t.same(cut('1. one\n\n   more of one\n\nafter'), ['1. one\n\n   more of one', 'after'])
})

t.test('in pieces of any size as in one', async t => {
  const text =
    '# Title\n\ntext of\ntwo lines\n\n- a\n- b\n\n  more b\n\n```sh\nls\n\npwd\n```\n\n| a | b |\n| - | - |\n\nend'
  for (const size of [1, 2, 3, 5, 7, 11]) t.same(inPieces(text, size), cut(text), `pieces of ${size}`)
})

t.test('a text that does not continue the one before begins anew', async t => {
  const blocks = new TextBlocks().push('one\n\ntwo\n\nthree')
  blocks.push('other\n\ntext')
  t.same([...blocks.blocks, blocks.tail], ['other', 'text'])
})

t.test('no tail grows without end, and nothing is lost', async t => {
  const line = `${'word '.repeat(50_000)}end`
  const blocks = new TextBlocks()
  for (let end = 1000; end < line.length + 1000; end += 1000) blocks.push(line.slice(0, end))
  t.ok(blocks.tail.length <= 33 * 1024)
  t.equal([...blocks.blocks, blocks.tail].join(' ').replace(/\s+/g, ' '), line)

  const code = `\`\`\`ts\n${'let x = 1\n'.repeat(10_000)}`
  const fenced = new TextBlocks().push(code)
  t.ok(fenced.tail.length <= 33 * 1024)
  t.ok(fenced.blocks.every(block => block.startsWith('```ts\n') && block.endsWith('\n```')))
  const lines = [...fenced.blocks, fenced.tail].join('\n').match(/let x = 1/g)
  t.equal(lines?.length, 10_000)
})

import { readFile } from 'node:fs/promises'
import t from 'tap'

const root = new URL('../', import.meta.url)

t.test('the examples of the README are the ones that compile', async t => {
  const readme = await readFile(new URL('README.md', root), 'utf8')
  const blocks = [...readme.matchAll(/<!-- (\S+) -->\n```ts\n([\s\S]*?)```/g)]
  t.equal(blocks.length, 2)
  for (const [, path, code] of blocks) t.equal(code, await readFile(new URL(path!, root), 'utf8'), path!)
})

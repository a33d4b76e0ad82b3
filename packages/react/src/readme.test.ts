import { readFile } from 'node:fs/promises'
import t from 'tap'

const root = new URL('../', import.meta.url)

t.test('the page of the README is the one that compiles', async t => {
  const readme = await readFile(new URL('README.md', root), 'utf8')
  const blocks = [...readme.matchAll(/<!-- (\S+) -->\n```tsx\n([\s\S]*?)```/g)]
  t.equal(blocks.length, 1)
  for (const [, path, code] of blocks) t.equal(code, await readFile(new URL(path!, root), 'utf8'), path!)
})

t.test('the README names every hook and every function that the package has', async t => {
  const readme = await readFile(new URL('README.md', root), 'utf8')
  const names = Object.keys(await import('./index.ts'))
  t.ok(names.length > 30, `${names.length}`)
  t.same(
    names.filter(name => !readme.includes(`${name}`)),
    [],
  )
})

import t from 'tap'
import { files, read } from './repository.ts'

t.test('examples/README.md lists every example with the test that runs it, and no others', async t => {
  const rows = [...read('examples/README.md').matchAll(/^\| \[[^\]]+\]\(([\w./-]+)\) \|.* `(test\/[^`]+)` \|$/gm)]
  const there = new Set(files.filter(file => file.startsWith('examples/')).map(file => file.split('/')[1]!))
  there.delete('README.md')
  t.same(rows.map(([, example]) => example).toSorted(), [...there].toSorted())
  for (const [, example, test] of rows) {
    t.ok(files.includes(test!), `${test}`)
    if (example !== 'demo-project') t.ok(read(test!).includes(example!), `${test} runs ${example}`)
  }
})

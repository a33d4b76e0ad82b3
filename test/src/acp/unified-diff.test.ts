import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { unifiedDiff } from '../../../src/acp/unified-diff.ts'
import { seededRandom } from '../../helpers/random.ts'

test('git applies it, and the old text becomes the new one', async t => {
  const folder = t.testdir()
  const { below, pick } = seededRandom(7)
  const text = (lines: string[]) => lines.map(line => `${line}\n`).join('')
  const changes = Array.from({ length: 60 }, (_, i) => {
    const before = Array.from({ length: below(12) }, () => pick(['a', 'b', '', 'c ']))
    const after = before.slice()
    for (let n = below(4); n >= 0; n--)
      after.splice(below(after.length + 1), below(3), ...Array(below(3)).fill(pick(['x', 'a'])))
    return { path: `f${i}`, before: text(before), after: text(after) }
  }).filter(({ before, after }) => before !== '' && after !== '' && before !== after)
  for (const { path, before } of changes) await writeFile(join(folder, path), before)
  const patch = changes.map(({ path, before, after }) => `${unifiedDiff(path, before, after)}\n`).join('')
  execFileSync('git', ['apply', '-p0', '--unidiff-zero', '--whitespace=nowarn', '-'], { cwd: folder, input: patch })
  for (const { path, after } of changes)
    if (execFileSync('cat', [join(folder, path)]).toString() !== after) t.fail(path)
  t.ok(changes.length > 30)
})

test('it handles new, empty and equal texts', t => {
  t.equal(unifiedDiff('f', null, 'a\n'), '--- /dev/null\n+++ f\n@@ -0,0 +1,1 @@\n+a')
  t.equal(unifiedDiff('f', 'a\n', ''), '--- f\n+++ f\n@@ -1,1 +0,0 @@\n-a')
  t.equal(unifiedDiff('f', 'a\nb', 'a\nb'), '--- f\n+++ f\n@@ -1,2 +1,2 @@\n a\n b'.replace(' a\n b', ' a\n b'))
  t.end()
})

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t, { type Test } from 'tap'
import { findTests, planTests } from '../../scripts/test-files.ts'

const pure = "import t from 'tap'\nt.test('a', async t => t.pass())\n"

/** The folder of a repository with these tests, by the paths of their sources; built where `built` does not say otherwise. */
function repository(t: Test, sources: Record<string, string>, built: Record<string, string> = sources): string {
  const root = t.testdir()
  const write = (path: string, text: string) => {
    mkdirSync(dirname(`${root}/${path}`), { recursive: true })
    writeFileSync(`${root}/${path}`, text)
  }
  for (const path of ['packages/one/dist/index.js', 'dashboard/dist/index.js']) write(path, '')
  for (const [path, text] of Object.entries(sources)) write(path, text)
  for (const [path, text] of Object.entries(built)) {
    const at = /^(?:packages\/\w+|dashboard)\/src\//.test(path) ? path.replace('/src/', '/dist/') : `dist/${path}`
    write(at.replace(/\.tsx?$/, '.js'), text)
  }
  return `${root}/`
}

t.test('tests are found by what is in their path, as sources or as built, and not without their source', async t => {
  const sources = {
    'test/src/a.test.ts': pure,
    'test/routes/b.test.ts': pure,
    'packages/one/src/c.test.ts': pure,
    'dashboard/src/d.test.tsx': pure,
  }
  const root = repository(t, sources, { ...sources, 'test/src/gone.test.ts': pure })
  const all = [
    'dashboard/dist/d.test.js',
    'dist/test/routes/b.test.js',
    'dist/test/src/a.test.js',
    'packages/one/dist/c.test.js',
  ]
  t.same(findTests(root, []), all)
  t.same(findTests(root, ['test/routes']), ['dist/test/routes/b.test.js'])
  t.same(findTests(root, ['packages/one/src/c.test.ts', 'dashboard/src/d.test.tsx']), [all[0], all[3]])
  t.same(findTests(root, ['nothing']), [])
})

t.test(
  'a file that changes its process gets one of its own, files that measure load run last, the others share',
  async t => {
    const short = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`test/src/s${i}.test.ts`, pure]))
    const own = {
      'test/src/limit.test.ts': `${pure}t.setTimeout(90_000)\n`,
      'test/src/timers.test.ts': `import { mock } from 'node:test'\n${pure}`,
      'test/src/handler.test.ts': `${pure}process.on('warning', () => {})\n`,
      'test/src/env.test.ts': `${pure}process.env.HOME = '/nowhere'\n`,
    }
    const long = { 'test/e2e/a.test.ts': pure, 'test/e2e/b.test.ts': pure, 'test/src/cli/c.test.ts': pure }
    const quiet = { 'test/attack/load.test.ts': `${pure}await server.delay()\n` }
    const browser = { 'test/browser/a.test.ts': pure, 'test/browser/b.test.ts': pure }
    const root = repository(t, { ...short, ...own, ...long, ...quiet, ...browser })
    const plan = planTests(root, findTests(root, []), 2)
    t.same(plan.browser, [['dist/test/browser/a.test.js'], ['dist/test/browser/b.test.js']])
    t.same(plan.quiet, [['dist/test/attack/load.test.js']])
    const [env, handler, limit, timers, long1, long2, ...groups] = plan.sideBySide
    t.same(
      [env, handler, limit, timers],
      ['env', 'handler', 'limit', 'timers'].map(name => [`dist/test/src/${name}.test.js`]),
    )
    t.same([long1, long2], [['dist/test/e2e/a.test.js', 'dist/test/src/cli/c.test.js'], ['dist/test/e2e/b.test.js']])
    t.same(
      groups.map(({ length }) => length),
      [10, 10, 10],
    )
    t.equal(new Set(groups.flat()).size, 30)
  },
)

t.test('a few files are spread over what may run side by side', async t => {
  const root = repository(t, { 'test/a.test.ts': pure, 'test/b.test.ts': pure, 'test/c.test.ts': pure })
  t.same(planTests(root, findTests(root, []), 2).sideBySide, [
    ['dist/test/a.test.js', 'dist/test/c.test.js'],
    ['dist/test/b.test.js'],
  ])
  t.same(planTests(root, [], 2), { browser: [], sideBySide: [], quiet: [] })
})

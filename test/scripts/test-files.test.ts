import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t, { type Test } from 'tap'
import { findTests, planTests } from '../../scripts/test-files.ts'

const pure = "import t from 'tap'\nt.test('a', async t => t.pass())\n"

/** The root of a repository with these tests, by the paths of their sources. `built` are the tests that are compiled. */
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

t.test('tests are found by part of their source or build path, unless their source is gone', async t => {
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
  'long files start first, files that measure run last, files that need a window share one, and files that change their process run alone',
  async t => {
    const root = repository(t, {
      'test/src/short.test.ts': `${pure}t.setTimeout(90_000)\nt.teardown(() => {})\n`,
      'test/src/timers.test.ts': `import { mock } from 'node:test'\n${pure}`,
      'test/src/handler.test.ts': `${pure}process.on('warning', () => {})\n`,
      'test/src/env.test.ts': `${pure}process.env.HOME = '/nowhere'\n`,
      'test/src/page.test.ts': `import '../testing/dom.js'\n${pure}`,
      'test/src/timed-page.test.ts': `import { GlobalRegistrator } from '@happy-dom/global-registrator'\nimport { mock } from 'node:test'\n${pure}`,
      'test/src/starter.test.ts': `${pure}start("process.exit(1)")\n`,
      'test/src/before.test.ts': `${pure}t.before(() => {})\n`,
      'test/e2e/long.test.ts': pure,
      'test/attack/load.test.ts': `${pure}${['await server', 'delay()'].join('.')}\n`,
      'test/browser/a.test.ts': pure,
      'test/browser/b.test.ts': pure,
      'test/cluster/cuts.test.ts': `import '../helpers/network.js'\n${pure}`,
    })
    const plan = planTests(root, findTests(root, []))
    const shared = (path: string) => ({ file: `dist/test/${path}.test.js`, isAlone: false })
    const alone = (path: string) => ({ file: `dist/test/${path}.test.js`, isAlone: true })
    t.same(plan, {
      browser: [shared('browser/a'), shared('browser/b'), shared('cluster/cuts')],
      dom: [shared('src/page'), alone('src/timed-page')],
      sideBySide: [
        ...[shared('e2e/long'), alone('src/before'), alone('src/env'), alone('src/handler'), alone('src/timers')],
        ...[shared('src/short'), shared('src/starter')],
      ],
      quiet: [alone('attack/load')],
    })
    t.same(planTests(root, []), { browser: [], dom: [], sideBySide: [], quiet: [] })
  },
)

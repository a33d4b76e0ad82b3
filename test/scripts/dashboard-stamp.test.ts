import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { dashboardStamp } from '../../scripts/dashboard-stamp.ts'

test('the pages are rebuilt when their sources have changed, and only then', async t => {
  const root = t.testdir()
  const write = (path: string, text = path) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const sources = ['dashboard/index.html', 'dashboard/src/a/main.tsx', 'packages/protocol/src/index.ts']
  const all = [...sources, 'packages/client/src/index.ts', 'packages/react/src/index.ts', 'package-lock.json']
  for (const path of all) write(path)
  const before = dashboardStamp(root)

  write('dashboard/dist/main.js')
  write('dashboard/dist/tsconfig.tsbuildinfo')
  write('packages/client/dist/index.js')
  write('packages/client/src/index.test.ts')
  write('dashboard/src/a/main.test.tsx')
  write('src/app.ts')
  for (const path of all) utimesSync(join(root, path), 1, 1)
  t.equal(dashboardStamp(root), before, 'tests, build output, the server and file times do not count')

  for (const path of all) {
    write(path, `${path} changed`)
    t.not(dashboardStamp(root), before, path)
    write(path)
    t.equal(dashboardStamp(root), before)
  }
  renameSync(join(root, 'dashboard/src/a/main.tsx'), join(root, 'dashboard/src/a/other.tsx'))
  t.not(dashboardStamp(root), before, 'a file is renamed')
  renameSync(join(root, 'dashboard/src/a/other.tsx'), join(root, 'dashboard/src/a/main.tsx'))
  write('dashboard/src/new.css')
  t.not(dashboardStamp(root), before, 'a file is new')
  rmSync(join(root, 'dashboard/src/new.css'))
  rmSync(join(root, 'dashboard/src/a/main.tsx'))
  t.not(dashboardStamp(root), before, 'a file is removed')
})

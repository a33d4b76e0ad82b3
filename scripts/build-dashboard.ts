import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dashboardStamp } from './dashboard-stamp.ts'

// What `npm run build` runs at its end: bundles the pages of the dashboard into dist/dashboard, unless nothing that they are
// made of has changed since. With `--compress` each file also gets its .br and .gz, as the package has them. Compiled, this
// file stands in dist/scripts.

const root = fileURLToPath(new URL('../../', import.meta.url))
const target = `${root}dist/dashboard`
/** Beside the folder, which is emptied before each build and published whole. */
const stampFile = `${root}dist/dashboard.stamp`

const stamp = dashboardStamp(root)
const isBuilt = existsSync(`${target}/index.html`) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp

if (!isBuilt) {
  // A build that fails half-way has no stamp.
  rmSync(stampFile, { force: true })
  const { build } = await import('vite')
  await build({ configFile: `${root}dashboard/vite.config.ts`, logLevel: 'warn' })
  writeFileSync(stampFile, stamp)
}
if (process.argv.includes('--compress')) {
  const { compressFiles } = await import('./compress-files.ts')
  await compressFiles(target)
}

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dashboardStamp } from './dashboard-stamp.ts'

// The last step of `npm run build`: bundles the dashboard into dist/dashboard, unless none of its sources has changed.
// With `--compress`, each file also gets a .br and a .gz, as in the published package. The compiled file is in
// dist/scripts.

const root = fileURLToPath(new URL('../../', import.meta.url))
const target = `${root}dist/dashboard`
/** Not in the folder, which is emptied before each build and published as a whole. */
const stampFile = `${root}dist/dashboard.stamp`

const stamp = dashboardStamp(root)
const isBuilt = existsSync(`${target}/index.html`) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp

if (!isBuilt) {
  // A build that fails halfway must not leave a stamp.
  rmSync(stampFile, { force: true })
  const { build } = await import('vite')
  await build({ configFile: `${root}dashboard/vite.config.ts`, logLevel: 'warn' })
  writeFileSync(stampFile, stamp)
}
if (process.argv.includes('--compress')) {
  const { compressFiles } = await import('./compress-files.ts')
  await compressFiles(target)
}

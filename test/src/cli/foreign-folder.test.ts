import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { emptyFolder } from '../../helpers/cli.ts'
import { some } from '../../helpers/sizes.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
/**
 * Root may do everything, so for root the server runs as another user; otherwise the folder's permissions are removed.
 */
const isRoot = process.getuid?.() === 0
const asked = isRoot ? 65_534 : process.getuid?.()

/** How a server ends that is started on a folder. */
async function serveOn(dataDir: string): Promise<{ code: number | null; stderr: string }> {
  // Without what the test runner loads into every Node process: it writes files, which the other user may not.
  const line = [process.execPath, main, 'serve', '--port', '0', '--data-dir', dataDir]
  const child = spawn('env', ['-u', 'NODE_OPTIONS', '-u', 'NODE_V8_COVERAGE', ...line], {
    ...(isRoot && { uid: 65_534, gid: 65_534 }),
    env: { PATH: process.env.PATH },
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', chunk => (stderr += chunk))
  const [code] = await once(child, 'close')
  return { code, stderr }
}

test('a data folder of another user ends the process with the folder, its owner and the current user', async t => {
  const folder = await emptyFolder(t)
  await chmod(folder, 0o755)
  const own = process.getuid?.()
  const closed = `${folder}/closed`
  await mkdir(closed, { mode: isRoot ? 0o700 : 0o500 })
  const readable = `${folder}/readable`
  await mkdir(readable)
  await chmod(readable, 0o555)
  const file = `${folder}/file`
  await mkdir(file)
  await writeFile(`${file}/secret`, 's'.repeat(64))
  await chmod(`${file}/secret`, isRoot ? 0o600 : 0o000)
  if (isRoot) await chown(file, 65_534, 65_534)

  const table: [dataDir: string, named: string][] = [
    [closed, closed],
    [readable, readable],
    [`${readable}/new/deep`, readable],
    [file, `${file}/secret`],
  ]
  for (const [dataDir, named] of some('FOREIGN_FOLDERS', 2, table)) {
    const { code, stderr } = await serveOn(dataDir)
    t.equal(code, 1, dataDir)
    t.match(stderr, new RegExp(`^fleetwire: .*EACCES: ${named} belongs to uid ${own} .*runs as uid ${asked}; .*\\n$`))
    t.match(stderr, 'FLEETWIRE_DATA_DIR')
  }
  for (const path of [closed, readable]) await chmod(path, 0o700)
})

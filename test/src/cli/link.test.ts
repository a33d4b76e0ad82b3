import { execFile } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'tap'
import { emptyFolder } from '../../helpers/cli.ts'
import { root } from '../../house/repository.ts'

const run = promisify(execFile)
const bin = fileURLToPath(new URL('bin/fleetwire', root))

test('bin/fleetwire works through links of any kind, from anywhere', async t => {
  const folder = await emptyFolder(t)
  const place = async (...parts: string[]) => {
    await mkdir(join(folder, ...parts), { recursive: true })
    return join(folder, ...parts)
  }
  const links: string[] = []
  const link = async (target: string, path: string) => {
    await symlink(target, path)
    links.push(path)
  }
  const home = await place('home', 'bin')
  const spaced = await place('a folder', '- and "more"')
  await link(bin, join(home, 'fleetwire'))
  await link(relative(spaced, bin), join(spaced, 'fleet wire'))
  await link('fleetwire', join(home, 'fw'))
  await link(relative(home, join(spaced, 'fleet wire')), join(home, 'twice'))
  await symlink(fileURLToPath(new URL('bin', root)), join(folder, 'linked'))
  links.push(join(folder, 'linked', 'fleetwire'))

  for (const path of links) t.match((await run(path, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/, path)
  const found = await run('fleetwire', ['--version'], { cwd: folder, env: { PATH: `${home}:${process.env.PATH}` } })
  t.match(found.stdout, /^\d/, 'found on the PATH')
  t.match((await run('./twice', ['--version'], { cwd: home })).stdout, /^\d/, 'by a relative name')
})

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { Root } from '../../../src/acp/root.ts'
import { realFolder } from '../../helpers/acp.ts'
import { size } from '../../helpers/sizes.ts'

/** How often a file is used while its path is being swapped. */
const SWAPS = size('SWAPS', { quick: 400, full: 1500 })

async function start(t: Test) {
  const outer = await realFolder(t)
  const [path, outside] = [join(outer, 'root'), join(outer, 'root-not')]
  await mkdir(path)
  await mkdir(outside)
  await writeFile(join(outside, 'secret'), 'secret')
  return { root: await Root.open(path), path, outside, in: (...names: string[]) => join(path, ...names) }
}

test('reads a file, or some of its lines', async t => {
  const { root, in: at } = await start(t)
  await writeFile(at('a'), '\ufeffone\r\ntwo\nthree')
  t.equal(await root.readText(at('a')), '\ufeffone\r\ntwo\nthree', 'unchanged')
  t.equal(await root.readText(at('a'), { line: 2 }), 'two\nthree')
  t.equal(await root.readText(at('a'), { line: 2, limit: 1 }), 'two\n')
  t.equal(await root.readText(at('a'), { line: 0, limit: null }), '\ufeffone\r\ntwo\nthree')
  t.equal(await root.readText(at('a'), { line: 4 }), '')
  t.equal(await root.readText(at('a'), { limit: 0 }), '')
  const long = Array.from({ length: 200_000 }, (_, i) => `line ${i + 1}\n`)
  await writeFile(at('long'), long.join(''))
  t.equal(await root.readText(at('long'), { line: 123_456, limit: 2 }), 'line 123456\nline 123457\n')
  await writeFile(at('large'), Buffer.alloc(17 * 1024 * 1024, 'x\n'))
  await t.rejects(root.readText(at('large')), { code: -32602, message: /more than 16777216 bytes: read it in parts/ })
  t.equal((await root.readText(at('large'), { line: 8_000_000, limit: 3 })).length, 6)
})

test('writes a file, creates its folders and keeps its mode', async t => {
  const { root, in: at } = await start(t)
  await root.writeText(at('x', 'y', 'new'), 'long text')
  await chmod(at('x', 'y', 'new'), 0o751)
  await root.writeText(at('x', 'y', 'new'), 'text')
  t.equal(await readFile(at('x', 'y', 'new'), 'utf8'), 'text')
  t.equal((await stat(at('x', 'y', 'new'))).mode & 0o777, 0o751)
  await symlink('x/y', at('link'))
  await symlink('new', at('x', 'y', 'other'))
  await root.writeText(at('link', 'other'), 'through links that stay inside')
  t.equal(await readFile(at('x', 'y', 'new'), 'utf8'), 'through links that stay inside')
  t.ok((await stat(at('x', 'y', 'new'))).isFile())
})

test('no path leads out of the root', async t => {
  const { root, path, outside, in: at } = await start(t)
  await mkdir(at('folder'))
  await symlink(outside, at('out'))
  await symlink(join(outside, 'secret'), at('leak'))
  await symlink('../../root-not', at('folder', 'up'))
  await symlink(join(outside, 'not-there'), at('dangling'))
  await symlink('loop', at('loop'))
  execFileSync('mkfifo', [at('pipe')])
  const out = [
    ...[join(outside, 'secret'), `${path}-not/secret`, `${path}/../root-not/secret`, at('out', 'secret'), at('leak')],
    ...[at('folder', 'up', 'secret'), `${path}/folder/../../root-not/secret`, '/etc/passwd', '/proc/self/environ', '/'],
    ...[`${path}/./folder/./up/secret`, `${path}/out/../root-not/secret`, `//${outside}/secret`],
    ...[join(outside, 'none'), `${path}/out/none/none`],
  ]
  for (const one of out) {
    await t.rejects(root.readText(one), { code: -32602, message: /is outside / }, `read ${one}`)
    await t.rejects(root.writeText(one, 'x'), { code: -32602 }, `write ${one}`)
    await t.rejects(root.folder(one), { code: -32602, message: /is outside / }, `folder ${one}`)
  }
  for (const one of ['a', './a', '../root/a', '', '\0', `${path}/a\0b`, 'file:///etc/passwd', '~/.ssh/id_rsa']) {
    await t.rejects(
      root.readText(one),
      { code: -32602, message: /is not absolute|is not a valid path/ },
      JSON.stringify(one),
    )
    await t.rejects(root.writeText(one, 'x'), { code: -32602 }, JSON.stringify(one))
  }
  await t.rejects(root.writeText(at('dangling'), 'x'), { message: /does not exist/ })
  await t.rejects(root.readText(at('loop')), { message: /link to itself/ })
  await t.rejects(root.readText(at('pipe')), { message: /is not a file/ }, 'and does not wait for a writer')
  await t.rejects(root.writeText(at('pipe'), 'x'), { message: /is not a file/ })
  await t.rejects(root.readText(at('folder')), { message: /is not a file|is a directory/ })
  await t.rejects(root.writeText(at('folder'), 'x'), { message: /is a directory/ })
  await t.rejects(root.writeText(`${path}/a/../b`, 'x'), { code: -32602 })
  await t.rejects(root.writeText(`${path}/..`, 'x'), { code: -32602 })
  await t.rejects(root.writeText(path, 'x'), { code: -32602 })
  await t.rejects(root.readText(at('none')), { code: -32002, message: /does not exist/ })
  await writeFile(at('binary'), Buffer.from([0xff, 0xfe, 0x41]))
  await t.rejects(root.readText(at('binary')), { message: /is not valid UTF-8/ })
  await writeFile(at('file'), '')
  await t.rejects(root.writeText(at('file', 'below'), 'x'), { message: /is not a directory/ })
  t.same(execFileSync('ls', [outside]).toString(), 'secret\n')
  t.equal(await readFile(join(outside, 'secret'), 'utf8'), 'secret')
})

/**
 * Runs a process that replaces the entry at `place` with a link to `out` and restores it, as fast as it can. Whatever
 * the test creates there in between is removed. Returns a function that stops it.
 */
function swap(t: Test, place: string, out: string): () => Promise<void> {
  const program = `
    const { renameSync, rmSync, symlinkSync, unlinkSync } = require('node:fs')
    const [place, out] = process.argv.slice(1)
    const aside = place + '.aside'
    const attempt = (act, otherwise = () => {}) => { try { act() } catch { otherwise() } }
    const clear = () => rmSync(place, { recursive: true, force: true })
    for (;;) {
      attempt(() => renameSync(place, aside))
      attempt(() => symlinkSync(out, place), clear)
      attempt(() => unlinkSync(place), clear)
      attempt(() => renameSync(aside, place))
    }`
  const child = spawn(process.execPath, ['-e', program, place, out], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  return async () => {
    child.kill('SIGKILL')
    await ended
  }
}

test('a folder that is replaced by a link to the outside between check and use gives no access', async t => {
  const { root, outside, in: at } = await start(t)
  await mkdir(at('real'))
  await writeFile(at('real', 'secret'), 'harmless')
  await symlink('real', at('now'))
  const stop = swap(t, at('real'), outside)
  const seen = new Map<string, number>()
  for (let i = 0; i < SWAPS; i++) {
    const text = await root.readText(at('now', 'secret')).catch(error => String(error.code))
    seen.set(text, (seen.get(text) ?? 0) + 1)
    await root.writeText(at('now', 'secret'), 'written').catch(() => {})
    await root.writeText(at('now', 'deep', 'new'), 'written').catch(() => {})
  }
  await stop()
  t.notOk(seen.has('secret'), `the secret was not read: ${[...seen].join(' ')}`)
  t.equal(await readFile(join(outside, 'secret'), 'utf8'), 'secret')
  t.same(execFileSync('ls', [outside]).toString(), 'secret\n', 'nothing was created outside')
})

test('a file that is replaced by a link to the outside is not followed', async t => {
  const { root, outside, in: at } = await start(t)
  await writeFile(at('file'), 'harmless')
  const stop = swap(t, at('file'), join(outside, 'secret'))
  for (let i = 0; i < SWAPS; i++) {
    const text = await root.readText(at('file')).catch(() => '')
    if (text === 'secret') t.fail('the secret was read')
    await root.writeText(at('file'), 'written').catch(() => {})
  }
  await stop()
  t.equal(await readFile(join(outside, 'secret'), 'utf8'), 'secret')
})

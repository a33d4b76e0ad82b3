import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { loadSecret } from '../../../src/auth/secret.ts'

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

function warnings(): { list: string[]; warn(message: string): void } {
  const list: string[] = []
  return { list, warn: message => list.push(message) }
}

test('the first start generates a secret that only its owner can read, and the next start finds it', async t => {
  const dataDir = join(t.testdir(), 'not', 'there', 'yet')
  const { list, warn } = warnings()
  const secret = await loadSecret({ dataDir, warn })
  t.ok(secret.length >= 64)
  t.equal(await modeOf(join(dataDir, 'secret')), 0o600)
  t.equal(await loadSecret({ dataDir, warn }), secret)
  t.same(await readdir(dataDir), ['secret'], 'nothing else is left behind')
  t.same(list, [])
})

test('a secret that others can read is made private, with a warning', async t => {
  const dataDir = t.testdir({ secret: `${'s'.repeat(40)}\n` })
  const path = join(dataDir, 'secret')
  await chmod(path, 0o644)
  const { list, warn } = warnings()
  t.equal(await loadSecret({ dataDir, warn }), 's'.repeat(40))
  t.equal(await modeOf(path), 0o600)
  t.equal(list.length, 1)
  t.match(list[0], /mode 644/)
  t.notMatch(list[0], 'sss')
})

test('a secret that is too short, empty or not a file stops the start with a hint', async t => {
  for (const content of ['short', '']) {
    const dataDir = t.testdir({ secret: content })
    await t.rejects(loadSecret({ dataDir, warn: () => {} }), {
      code: 'FLW_ERR_SECRET_FILE',
      message: new RegExp(`${content.length} characters.*FLEETWIRE_JWT_SECRET`),
    })
    t.equal(await readFile(join(dataDir, 'secret'), 'utf8'), content, 'and the file is unchanged')
  }
  await t.rejects(loadSecret({ dataDir: t.testdir({ secret: {} }), warn: () => {} }), { code: 'FLW_ERR_SECRET_FILE' })
  const file = join(t.testdir({ file: '' }), 'file')
  await t.rejects(loadSecret({ dataDir: file, warn: () => {} }), { code: 'FLW_ERR_SECRET_FILE' })
})

test('concurrent callers in one process get one secret', async t => {
  const dataDir = t.testdir()
  const secrets = await Promise.all(Array.from({ length: 20 }, () => loadSecret({ dataDir, warn: () => {} })))
  t.equal(new Set(secrets).size, 1)
  t.same(await readdir(dataDir), ['secret'])
})

test('concurrent first starts of several processes get one secret', async t => {
  const dataDir = t.testdir()
  const module = new URL('../../../src/auth/secret.js', import.meta.url)
  // Each process reports that it has loaded, then waits for the end of its standard input: so they start together.
  const source = `import { loadSecret } from ${JSON.stringify(module.href)}
process.stdout.write('.')
process.stdin.resume().on('end', async () => {
  process.stdout.write(await loadSecret({ dataDir: ${JSON.stringify(dataDir)}, warn() {} }))
})`
  const children = Array.from({ length: 3 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  const outputs = children.map(output)
  await Promise.all(children.map(child => once(child.stdout!, 'data')))
  for (const child of children) child.stdin!.end()
  const secrets = await Promise.all(outputs)
  t.equal(new Set(secrets).size, 1)
  t.equal(secrets[0], `.${await loadSecret({ dataDir, warn: () => {} })}`)
})

async function output(child: ChildProcess): Promise<string> {
  let text = ''
  child.stdout!.on('data', chunk => {
    text += chunk
  })
  await once(child, 'close')
  return text
}

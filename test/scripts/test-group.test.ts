import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { EndedFile } from '../../scripts/test-group.ts'

const group = fileURLToPath(new URL('../../scripts/test-group.js', import.meta.url))
const passes = `import t from 'tap'
  t.test('first', async t => t.pass())
  t.test('second', async t => { t.pass(); t.pass() })`

/** Runs a group of files. Returns what it reports about each file, and its exit code. */
async function run(t: Test, files: Record<string, string>) {
  const cwd = t.testdir(files)
  const child = spawn(process.execPath, [group, 'some'], { cwd, stdio: ['ignore', 'pipe', 'ignore', 'pipe'] })
  const queue = child.stdio[3] as Writable
  queue.on('error', () => {}) // The process may end before it has read everything.
  const names = Object.keys(files)
  // Gives the group the next file when one has ended, as the test runner does.
  const give = () => (names.length === 0 ? queue.end() : queue.write(`${names.shift()}\n`))
  let stdout = ''
  createInterface({ input: child.stdout! }).on('line', line => {
    stdout += `${line}\n`
    if (!line.startsWith('# ended: ')) return
    if (/"isLast":true/.test(line)) child.kill('SIGKILL')
    else give()
  })
  give()
  const [code] = await once(child, 'close')
  const told = [...stdout.matchAll(/^# ended: (.*)$/gm)].map(([, json]) => JSON.parse(json!) as EndedFile)
  return { stdout, code, told, counts: told.map(({ file, pass, fail }) => ({ file, pass, fail })) }
}

t.test('each file has its own counts, in order, and its teardown runs at the end of the file', async t => {
  const leaves = `import t from 'tap'
    import { createServer } from 'node:net'
    const server = createServer().listen(0)
    t.teardown(() => new Promise(resolve => server.close(() => { globalThis.closed = true; resolve() })))
    t.test('open', async t => t.ok(server.listening))`
  const sees = `import t from 'tap'
    t.test('closed', async t => t.equal(globalThis.closed, true))`
  const files = { 'b.mjs': passes, 'a.mjs': passes, 'none.mjs': '', 'leaves.mjs': leaves, 'sees.mjs': sees }
  const { code, counts } = await run(t, files)
  t.equal(code, 0)
  t.same(counts, [
    { file: 'b.mjs', pass: 3, fail: 0 },
    { file: 'a.mjs', pass: 3, fail: 0 },
    { file: 'none.mjs', pass: 0, fail: 0 },
    { file: 'leaves.mjs', pass: 1, fail: 0 },
    { file: 'sees.mjs', pass: 1, fail: 0 },
  ])
})

t.test(
  'a failure counts for its own file: a failed assertion, or an error in a test, between tests or while loading',
  async t => {
    const failures = {
      'asserts.mjs': `import t from 'tap'; t.test('one', async t => t.equal(1, 2))`,
      'throws.mjs': `import t from 'tap'; t.test('one', async () => { throw new Error('lost') })`,
      'later.mjs': `import t from 'tap'; t.test('one', t => void setImmediate(() => { throw new Error('lost') }))`,
      'inner.mjs': `import t from 'tap'
        t.test('one', t => t.test('two', t => void setImmediate(() => { throw new Error('lost') })))`,
      'rejects.mjs': `import t from 'tap'; t.test('one', t => void Promise.reject(new Error('lost')))`,
      'behind.mjs': `import t from 'tap'
        t.test('one', t => { t.pass(); setImmediate(() => { throw new Error('lost') }); t.end() })
        t.test('two', t => setImmediate(() => t.end()))`,
      'loading.mjs': `throw new Error('lost')`,
      'absent.mjs': `import './not-there.js'`,
    }
    const files = Object.entries(failures).flatMap(([name, text]) => [
      [name, text],
      [`behind-${name}`, passes],
    ])
    const { code, counts, stdout } = await run(t, Object.fromEntries(files))
    t.equal(code, 1, stdout)
    t.equal(counts.length, files.length)
    for (const { file, fail, pass } of counts) {
      if (file.startsWith('behind-')) t.same({ file, pass, fail }, { file, pass: 3, fail: 0 })
      else t.ok(fail > 0, file)
    }
  },
)

t.test('a file that times out fails, and no other file runs after it in the same process', async t => {
  const hangs = `import t from 'tap'
    t.setTimeout(300)
    setInterval(() => {}, 100)
    t.test('hangs', () => new Promise(() => {}))`
  const { told } = await run(t, { 'hangs.mjs': hangs, 'a.mjs': passes })
  t.match(told, [{ file: 'hangs.mjs', fail: 1, isLast: true }])
  t.equal(told.length, 1)
})

t.test('a file that ends the process also ends the files after it', async t => {
  const { code, counts } = await run(t, { 'ends.mjs': 'process.exit(0)', 'a.mjs': passes })
  t.equal(code, 0)
  t.same(counts, [], 'so the runner must count files, and not rely on the exit code alone')
})

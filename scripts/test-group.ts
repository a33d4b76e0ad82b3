import { once } from 'node:events'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { Socket } from 'node:net'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

/**
 * Runs test files one after the other in this process, so that they share its start-up and compiled code. Reads their
 * names from descriptor 3, one per line, until that ends: the parent sends the next name when a file has ended. After the
 * output of each file, prints a line `# ended: {"file": …}` with its counts.
 *
 * node dist/scripts/test-group.js name, which keeps tap's folders apart from those of other groups
 */
export interface EndedFile {
  file: string
  pass: number
  fail: number
  total: number
  ms: number
  /** The process cannot run more files: this one has timed out and thereby ended tap's root test. */
  isLast?: true
}

// tap names test folders after the program and its arguments.
process.argv.splice(1, 1)
const { default: t } = await withoutHooks(() => import('tap'))
const longestMs = Number(process.env.TAP_TIMEOUT ?? 30) * 1000

/**
 * tap tracks every promise of the process with async hooks to find the test that a stray error belongs to. That takes a
 * seventh of the test time. Here hardly any tests run concurrently, so a stray error goes to the first running test.
 */
async function withoutHooks<T>(load: () => Promise<T>): Promise<T> {
  const hooks = createRequire(import.meta.url)('node:async_hooks') as typeof import('node:async_hooks')
  const { createHook } = hooks
  const none: ReturnType<typeof createHook> = { enable: () => none, disable: () => none }
  hooks.createHook = () => none
  syncBuiltinESMExports()
  try {
    return await load()
  } finally {
    hooks.createHook = createHook
    syncBuiltinESMExports()
  }
}

interface Running {
  activeSubtests: Set<unknown>
  threw(error: unknown): void
}
function innermost(test: Running): Running {
  const [inner] = test.activeSubtests
  return inner === undefined ? test : innermost(inner as Running)
}
process.on('uncaughtException', error => innermost(t).threw(error))

// Teardowns of tap's root would run only at the end of the process, and end it as soon as it idles.
const teardowns: (() => unknown)[] = []
t.teardown = teardown => void teardowns.unshift(teardown)

declare global {
  /** Run after the last file of this process; undefined if a file runs in its own process. */
  var endOfTests: (() => unknown)[] | undefined
}
globalThis.endOfTests = []

let isOver = false as boolean
const { timeout } = t
t.timeout = options => {
  isOver = true
  timeout.call(t, options)
}

const queue = new Socket({ fd: 3, readable: true, writable: false })
const files = createInterface({ input: queue })[Symbol.asyncIterator]()
/** Waiting for a name keeps the process alive. While a file runs, only that file does, so a hanging file is noticed. */
async function next(): Promise<string | undefined> {
  queue.ref()
  const { value } = await files.next()
  queue.unref()
  return value
}

for (let file = await next(); file !== undefined; file = await next()) {
  const { pass, fail, total } = t.counts
  const begin = performance.now()
  t.setTimeout(longestMs)
  try {
    await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    t.test(`${file} loads`, async () => Promise.reject(error))
  }
  while (!t.idle) await once(t, 'idle')
  for (const teardown of teardowns.splice(0)) await teardown()
  const ended: EndedFile = {
    file,
    pass: t.counts.pass - pass,
    fail: t.counts.fail - fail,
    total: t.counts.total - total,
    ms: Math.round(performance.now() - begin),
    ...(isOver && { isLast: true }),
  }
  // Do not use a comment of tap's root: tap holds it back until the next test begins.
  process.stdout.write(`# ended: ${JSON.stringify(ended)}\n`)
  // The parent kills this process, which the hanging file would keep alive.
  if (isOver) break
}
if (!isOver) for (const end of globalThis.endOfTests.splice(0)) await end()

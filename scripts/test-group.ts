import { once } from 'node:events'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { Socket } from 'node:net'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

/**
 * Runs test files one after the other in this process, so that they share what it costs to start, and what the engine has
 * compiled. It reads their names from descriptor 3, a line each, until that ends: who runs it gives it the next one when it
 * has ended one. Behind what each prints stands a line `# ended: {"file": …}` with its counts.
 *
 * node dist/scripts/test-group.js name, by which tap tells its folders from those of other groups
 */
export interface EndedFile {
  file: string
  pass: number
  fail: number
  total: number
  ms: number
  /** Its process ran no further: a file that took too long has ended the root of all tests. */
  isLast?: true
}

// tap names folders of tests after the program and its arguments.
process.argv.splice(1, 1)
const { default: t } = await withoutHooks(() => import('tap'))
const longestMs = Number(process.env.TAP_TIMEOUT ?? 30) * 1000

/**
 * tap follows every promise of the process through async hooks, to tell which test a stray error belongs to: a seventh of
 * what tests take. Here hardly any run side by side, and a stray error is that of the first that runs.
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

// The root's own come when the process ends, and make it end as soon as nothing runs.
const teardowns: (() => unknown)[] = []
t.teardown = teardown => void teardowns.unshift(teardown)

declare global {
  /** What ends behind the last file of this process; undefined where a file runs in one of its own. */
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
/** What is awaited keeps the process alive; while a file runs nothing but that file does, so one that hangs is noticed. */
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
  // Not as a comment of the root: tap keeps that until the next test begins.
  process.stdout.write(`# ended: ${JSON.stringify(ended)}\n`)
  // Who runs it ends this process, which what hangs would keep.
  if (isOver) break
}
if (!isOver) for (const end of globalThis.endOfTests.splice(0)) await end()

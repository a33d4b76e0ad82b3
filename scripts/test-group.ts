import { once } from 'node:events'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Runs test files one after the other in this process, so that they share what it costs to start, and what the engine has
 * compiled. Behind what each prints stands a line `# ended: {"file": …}` with its counts.
 *
 * node dist/scripts/test-group.js file …
 */
export interface EndedFile {
  file: string
  pass: number
  fail: number
  total: number
  ms: number
}

// tap names folders of tests after the arguments, and those of other groups must be others.
const files = process.argv.splice(1, Number.POSITIVE_INFINITY).slice(1)
process.argv.push(files[0]!)
const { default: t } = await import('tap')

// The root's own come when the process ends, and make it end as soon as nothing runs.
const teardowns: (() => unknown)[] = []
t.teardown = teardown => void teardowns.unshift(teardown)

for (const file of files) {
  const { pass, fail, total } = t.counts
  const begin = performance.now()
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
  }
  t.comment(`ended: ${JSON.stringify(ended)}`)
}

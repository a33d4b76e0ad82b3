import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Reduces .tap/coverage to published code. Every process of a test run, and every process that it starts, writes coverage
 * of all the files it has loaded. That makes 2 GB, too much for a combined report to finish.
 *
 * node dist/scripts/trim-coverage.js
 */
interface Coverage {
  result: { url: string }[]
  'source-map-cache'?: Record<string, unknown>
}

const root = new URL('../../', import.meta.url)
const folder = fileURLToPath(new URL('.tap/coverage/', root))

function isPublished(url: string): boolean {
  const path = url.startsWith(root.href) ? url.slice(root.href.length) : ''
  return (
    /^(?:dist\/(?:src|plugins|routes)|packages\/\w+\/dist)\//.test(path) &&
    !/\.test\.js$|\/(?:testing|samples|examples|node_modules)\//.test(path)
  )
}

for (const name of readdirSync(folder)) {
  const file = `${folder}${name}`
  const { result, 'source-map-cache': maps = {} } = read(file)
  const kept = result.filter(({ url }) => isPublished(url))
  if (kept.length === 0) rmSync(file)
  else {
    const ofKept = Object.entries(maps).filter(([url]) => isPublished(url))
    writeFileSync(file, JSON.stringify({ result: kept, 'source-map-cache': Object.fromEntries(ofKept) }))
  }
}

/** Empty if the file is truncated because its process was killed while writing. */
function read(file: string): Coverage {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { result: [] }
  }
}

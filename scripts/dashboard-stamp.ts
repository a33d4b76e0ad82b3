import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const SOURCES = ['dashboard', 'packages/protocol/src', 'packages/client/src', 'packages/react/src']
const LOCK = 'package-lock.json'
/** Compiled code and tests, which are not part of any page. */
const APART = /(^|\/)(dist|node_modules)\/|\.test\.tsx?$|\.tsbuildinfo$/

/**
 * A digest of all sources of the pages in the repository at `root`. It covers names and contents, not times: a checkout
 * gives every file a new time.
 */
export function dashboardStamp(root: string): string {
  const filesIn = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name).slice(join(root, '/').length))
      .filter(path => !APART.test(path))
  const files = [LOCK, ...SOURCES.flatMap(filesIn)].sort()
  const hash = createHash('sha256')
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0')
  return hash.digest('hex')
}

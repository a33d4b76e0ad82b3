import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * How the user calls this copy of the program. npm links the commands of an installed package but not those of a clone.
 */
export function programName(): string {
  const clone = fileURLToPath(new URL('../../../bin/fleetwire', import.meta.url))
  return clone.includes('/node_modules/') ? 'npx fleetwire' : relative(process.cwd(), clone)
}

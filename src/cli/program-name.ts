import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** How the user of this very copy calls the program: npm links an installed package's commands, but not a clone's own. */
export function programName(): string {
  const clone = fileURLToPath(new URL('../../../bin/fleetwire', import.meta.url))
  return clone.includes('/node_modules/') ? 'npx fleetwire' : relative(process.cwd(), clone)
}

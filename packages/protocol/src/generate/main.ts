import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// Run by `npm run build` after the compiler. Writes dist/generated, unless nothing has changed.

const dist = fileURLToPath(new URL('..', import.meta.url))
const target = `${dist}generated/`
const names = ['checks.js', 'schemas.js']

const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
const modules = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(
  path => path.endsWith('.js') && !path.startsWith('generated'),
)
const newest = Math.max(...modules.map(path => changedAt(dist + path)))
const oldest = Math.min(...names.map(name => changedAt(target + name)))

if (oldest <= newest) {
  const { generateModules } = await import('./modules.ts')
  mkdirSync(target, { recursive: true })
  for (const [name, text] of Object.entries(generateModules())) writeFileSync(target + name, text)
}

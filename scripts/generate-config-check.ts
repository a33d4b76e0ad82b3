import { mkdirSync, statSync, writeFileSync } from 'node:fs'

// What `npm run build` runs when the compiler is done: writes dist/src/generated, unless nothing changed since. Compiled,
// this file stands in dist/scripts.

const changedAt = (path: string): number =>
  statSync(new URL(path, import.meta.url), { throwIfNoEntry: false })?.mtimeMs ?? 0
const target = '../src/generated/config-check.js'

if (changedAt(target) <= Math.max(changedAt('../src/config-schema.js'), changedAt('./emit-config-check.js'))) {
  const { emitConfigCheck } = await import('./emit-config-check.ts')
  mkdirSync(new URL('../src/generated', import.meta.url), { recursive: true })
  writeFileSync(new URL(target, import.meta.url), emitConfigCheck())
}

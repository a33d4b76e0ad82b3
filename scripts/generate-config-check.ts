import { mkdirSync, statSync, writeFileSync } from 'node:fs'

// `npm run build` runs this after the compiler: writes dist/src/generated, unless nothing has changed since. The compiled
// file is in dist/scripts.

const changedAt = (path: string): number =>
  statSync(new URL(path, import.meta.url), { throwIfNoEntry: false })?.mtimeMs ?? 0
const target = '../src/generated/config-check.js'

if (changedAt(target) <= Math.max(changedAt('../src/config-schema.js'), changedAt('./emit-config-check.js'))) {
  const { emitConfigCheck } = await import('./emit-config-check.ts')
  mkdirSync(new URL('../src/generated', import.meta.url), { recursive: true })
  writeFileSync(new URL(target, import.meta.url), emitConfigCheck())
}

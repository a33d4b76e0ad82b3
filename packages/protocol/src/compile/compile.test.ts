import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { OneOf } from '../common.ts'
import { compile as interpret } from './interpret.ts'
import { compile as jit } from './jit.ts'

const Shape = Type.Union([
  Type.Object({ kind: Type.Literal('circle'), radius: Type.Number() }),
  Type.Object({ kind: Type.Literal('square'), side: Type.Number() }),
])
const Value = Type.Object({
  name: Type.String({ pattern: '^[a-z]+$', description: 'Small letters' }),
  size: Type.Optional(OneOf(['small', 'large'])),
  shape: Type.Optional(Shape),
  tag: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
  code: Type.Optional(Type.String({ pattern: '^x' })),
})

t.test('[FR5] [FR6] [FR13] a flaw says where and what', async t => {
  const table: [value: unknown, path: string, message: string][] = [
    [null, '', 'expected object'],
    [{}, '/name', 'is required'],
    [{ name: 'A' }, '/name', 'expected small letters'],
    [{ name: 5 }, '/name', 'expected string'],
    [{ name: 'a', code: 'y' }, '/code', "expected string to match '^x'"],
    [{ name: 'a', size: 'tiny' }, '/size', 'expected one of "small", "large"'],
    [{ name: 'a', size: null }, '/size', 'expected one of "small", "large"'],
    [{ name: 'a', tag: true }, '/tag', 'expected string or integer'],
    [{ name: 'a', shape: 'circle' }, '/shape', 'expected object'],
    [{ name: 'a', shape: {} }, '/shape/kind', 'expected one of "circle", "square"'],
    [{ name: 'a', shape: { kind: 'square' } }, '/shape/side', 'is required'],
    [{ name: 'a', shape: { kind: 'square', side: 'long' } }, '/shape/side', 'expected number'],
  ]
  for (const [value, path, message] of table) {
    for (const check of [jit(Value), interpret(Value)]) {
      t.notOk(check(value))
      t.same(check.flaw(value), { path, message })
    }
  }
})

/** Compiles and checks in a process that is not allowed to generate code. */
function runWithoutCodeGeneration(module: string) {
  const script = `
    import { compile } from ${JSON.stringify(new URL(module, import.meta.url).href)}
    import { Type } from ${JSON.stringify(import.meta.resolve('@sinclair/typebox'))}
    const check = compile(Type.Object({ a: Type.Array(Type.Integer()) }))
    console.log(check({ a: [1] }), check({ a: ['1'] }), check.flaw({}).message)`
  const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', script]
  return spawnSync(process.execPath, flags, { encoding: 'utf8' })
}

t.test('[FR14] interpreted validation works where code generation is forbidden', async t => {
  const interpreted = runWithoutCodeGeneration('./interpret.js')
  t.equal(interpreted.stdout.trim(), 'true false is required', interpreted.stderr)
  t.match(runWithoutCodeGeneration('./jit.js').stderr, /EvalError/, 'where the compiled one does not')
})

/** Every module that is loaded with this one, by URL. `#compile` resolves as in a browser. */
function reachable(entry: string, seen = new Map<string, string>()): Map<string, string> {
  if (seen.has(entry)) return seen
  const source = readFileSync(fileURLToPath(entry), 'utf8')
  seen.set(entry, source)
  for (const [, specifier] of source.matchAll(/^\s*(?:import|export)\s+(?:[\w$*{},\s]+\sfrom\s+)?['"]([^'"]+)['"]/gm)) {
    if (specifier === '#compile') reachable(new URL('./interpret.js', import.meta.url).href, seen)
    else if (specifier!.startsWith('.')) reachable(new URL(specifier!, entry).href, seen)
    else reachable(import.meta.resolve(specifier!), seen)
  }
  return seen
}

/** TypeBox generates code in one function only. Its module may be loaded, but nothing may call it. */
const door = 'typebox/build/esm/system/evaluate.mjs'
const generatesCode = /\bnew\s+Function\b|\bglobalThis\.Function\b|\beval\s*\(|\bEvaluate\s*\(/

t.test('[FR14] nothing that a browser loads could generate code', async t => {
  const browser = reachable(new URL('../index.js', import.meta.url).href)
  t.ok(browser.size > 50, `${browser.size} modules were looked at`)
  const generating = (modules: Map<string, string>) =>
    [...modules].filter(([url, source]) => !url.endsWith(door) && generatesCode.test(source)).map(([url]) => url)
  t.same(generating(browser), [])
  const node = reachable(new URL('./jit.js', import.meta.url).href)
  t.match(generating(node), [/compiler/], 'the search finds what Node loads')
})

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type TSchema, Type } from '@sinclair/typebox'
import t from 'tap'
import type { Check } from '../check/rules.ts'
import * as generated from '../generated/checks.js'
import { OneOf } from '../one-of.ts'
import { agentSamples, agentServerSamples } from '../samples/agent.ts'
import { clientSamples, serverSamples } from '../samples/client.ts'
import { eventSamples } from '../samples/events.ts'
import type { Sample } from '../samples/sample.ts'
import * as schemas from '../schemas.ts'
import { CheckWriter } from './emit-checks.ts'
import { emitSchemas } from './emit-schemas.ts'
import { generateModules } from './modules.ts'
import { referenceFlaws } from './reference.ts'

const asModule = (source: string) => import(`data:text/javascript,${encodeURIComponent(source)}`)

/** Generates the checks of schemas as one module, and loads it. */
async function written(schemas: Record<string, TSchema>): Promise<Record<string, Check>> {
  const writer = new CheckWriter()
  const table = writer.table('checks', schemas)
  const { checks } = await asModule(writer.source(new URL('../check/rules.js', import.meta.url).href) + table)
  return checks
}

const Shape = Type.Union([
  Type.Object({ kind: Type.Literal('circle'), radius: Type.Number() }),
  Type.Object({ kind: Type.Literal('square'), side: Type.Number() }),
])
const Value = Type.Object({
  name: Type.String({ pattern: '^[a-z]+$', description: 'Small letters' }),
  size: Type.Optional(OneOf(['small', 'large'])),
  shape: Type.Optional(Shape),
  tag: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
  code: Type.Optional(Type.String({ pattern: '^x/y' })),
})

t.test('[FR5] [FR6] [FR13] a flaw says where it is and what is wrong', async t => {
  const table: [value: unknown, path: string, message: string][] = [
    [null, '', 'expected object'],
    [{}, '/name', 'is required'],
    [{ name: 'A' }, '/name', 'expected small letters'],
    [{ name: 5 }, '/name', 'expected string'],
    [{ name: 'a', code: 'y' }, '/code', "expected string to match '^x/y'"],
    [{ name: 'a', size: 'tiny' }, '/size', 'expected one of "small", "large"'],
    [{ name: 'a', size: null }, '/size', 'expected one of "small", "large"'],
    [{ name: 'a', tag: true }, '/tag', 'expected string or integer'],
    [{ name: 'a', shape: 'circle' }, '/shape', 'expected object'],
    [{ name: 'a', shape: {} }, '/shape/kind', 'expected one of "circle", "square"'],
    [{ name: 'a', shape: { kind: 'square' } }, '/shape/side', 'is required'],
    [{ name: 'a', shape: { kind: 'square', side: 'long' } }, '/shape/side', 'expected number'],
  ]
  const { Value: check } = (await written({ Value })) as { Value: Check }
  t.equal(check({ name: 'a', size: 'small', shape: { kind: 'circle', radius: 1 }, tag: 1, code: 'x/y' }), undefined)
  for (const [value, path, message] of table) {
    t.same(check(value), { path, message })
    t.match(referenceFlaws(Value, value), [{ path, message }])
  }
})

/** In `npm test`, each place tries one value in this many. */
const EVERY = 6

/** Values of every kind, at and next to the bounds in the schemas. */
const values: unknown[] = [
  ...[undefined, null, true, false, 0, -1, 1, 1.5, 101, -101, 1000, 1001, 2 ** 31, 2 ** 53, 1e13, Number.NaN, -0],
  ...[
    '',
    'a',
    'a b',
    'online',
    'utf8',
    'x'.repeat(65),
    'x'.repeat(256),
    'x'.repeat(257),
    'x'.repeat(5000),
    '\u0000',
    '~/',
  ],
  ...[
    [],
    [1],
    ['a'],
    [null],
    Array(33).fill({}),
    Array(1001).fill('a'),
    {},
    { a: 1 },
    { message: 'm' },
    { message: 1 },
  ],
  ...[{ 'a/b~c': 1 }, { a: 'x'.repeat(257) }, { ['x'.repeat(65)]: 'a' }, { ok: true }, { ok: false }, { kind: 'tool' }],
  Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'a'])),
  Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`k${i}`, 1])),
]

let turn = 0
/** All values for a payload itself or if FULL is set; for nested places a share of them, in turn. */
function* valuesAt(depth: number): Generator<unknown> {
  const step = depth === 0 || process.env.FULL === '1' ? 1 : EVERY
  for (let i = turn++ % step; i < values.length; i += step) yield values[i]
}

/** Copies of a value with one part changed, removed or added, at every depth. */
function* changed(value: unknown, depth = 0): Generator<unknown> {
  yield* valuesAt(depth)
  if (typeof value !== 'object' || value === null) return
  const entries = Object.entries(value)
  const copy = (changes: [string, unknown][]) =>
    Array.isArray(value) ? changes.map(([, member]) => member) : Object.fromEntries(changes)
  yield copy([...entries, ['new', []]])
  for (let i = 0; i < entries.length; i++) {
    yield copy(entries.toSpliced(i, 1))
    for (const other of changed(entries[i]![1], depth + 1)) yield copy(entries.with(i, [entries[i]![0], other]))
  }
}

/** A value that contains every field of a schema. */
function full(schema: TSchema): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.anyOf !== undefined) return full(schema.anyOf.at(-1))
  if (schema.patternProperties !== undefined) return { a: full(Object.values(schema.patternProperties)[0] as TSchema) }
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties as Record<string, TSchema>).map(([key, field]) => [key, full(field)]),
      )
    case 'array':
      return [full(schema.items)]
    case 'string':
      return 'a'
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return schema.minimum ?? 0
  }
}

/** How a check's verdict on a value differs from TypeBox's; undefined if it does not. */
function difference(schema: TSchema, check: Check, value: unknown) {
  const flaw = check(value)
  const expected = referenceFlaws(schema, value)
  const isExpected =
    flaw === undefined
      ? expected.length === 0
      : expected.some(({ path, message }) => path === flaw.path && message === flaw.message)
  return isExpected ? undefined : { value, flaw, expected }
}

const payloads: [
  table: string,
  schemas: Record<string, TSchema>,
  checks: Record<string, Check>,
  samples: Record<string, Sample<unknown>>,
][] = [
  ['client → server', schemas.clientPayloads, generated.clientChecks, clientSamples],
  ['server → client', schemas.serverPayloads, generated.serverChecks, serverSamples],
  ['agent → server', schemas.agentPayloads, generated.agentChecks, agentSamples],
  ['server → agent', schemas.agentServerPayloads, generated.agentServerChecks, agentServerSamples],
  ['events', schemas.eventPayloads, generated.eventChecks, eventSamples],
  ['claims', { person: schemas.Claims, agent: schemas.AgentClaims }, generated.claimsChecks, {}],
]
for (const [name, table, checks, samples] of payloads) {
  t.test(`[FR13] ${name}: generated checks say what TypeBox says, of every change of a payload`, async t => {
    let compared = 0
    let refused = 0
    const seen = new Set<TSchema>()
    for (const [type, schema] of Object.entries(table)) {
      if (seen.has(schema)) continue
      seen.add(schema)
      const check = checks[type]!
      for (const start of [full(schema), samples[type]?.minimal]) {
        for (const value of changed(start)) {
          compared++
          if (check(value) !== undefined) refused++
          const differs = difference(schema, check, value)
          if (differs !== undefined) return t.fail(type, differs)
        }
      }
    }
    t.ok(refused > compared / 10 && refused < compared, `${refused} of ${compared} values were refused`)
  })
}

t.test('what is no payload: every schema with an $id is checked as TypeBox does', async t => {
  const named = Object.entries(schemas as unknown as Record<string, TSchema>).filter(([, schema]) => '$id' in schema)
  const checks = await written(Object.fromEntries(named))
  for (const [name, schema] of named) {
    const check = checks[name]!
    for (const value of changed(full(schema))) {
      const differs = difference(schema, check, value)
      if (differs !== undefined) return t.fail(name, differs)
    }
    t.pass(name)
  }
})

t.test('a keyword or a kind that nothing checks stops the build', async t => {
  const write = (schema: TSchema) => new CheckWriter().check(schema)
  t.throws(() => write(Type.Integer({ multipleOf: 2 })), /multipleOf of a Integer/)
  t.throws(() => write(Type.Object({ day: Type.String({ format: 'date' }) })), /format of a String/)
  t.throws(() => write(Type.Tuple([Type.String()])), /kind Tuple/)
})

t.test('generated schemas are the ones that TypeBox made, with its marks', async t => {
  const values: Record<string, unknown> = await import('#schemas')
  t.same(Object.keys(values).sort(), Object.keys(schemas).sort())
  const differ = Object.entries(schemas).filter(
    ([name, made]) => JSON.stringify(values[name]) !== JSON.stringify(made) || String(values[name]) !== String(made),
  )
  t.same(
    differ.map(([name]) => name),
    [],
    'their fields, and their classes',
  )
  t.ok(emitSchemas(values) === emitSchemas(schemas), 'their marks')
  t.same(values.settledStatuses, schemas.settledStatuses, 'a set is written with its members')
  t.throws(() => emitSchemas({ call: () => 1 }), /Functions/)
  t.throws(() => emitSchemas({ when: new Date(0) }), /A Date cannot be written/)
  const made = Type.Object({ agent: values.Agent as TSchema, maybe: Type.Optional(values.Agent as TSchema) })
  t.same(made.required, ['agent'])
})

t.test('what is built is what the schemas say now', async t => {
  for (const [name, text] of Object.entries(generateModules())) {
    const built = readFileSync(new URL(`../generated/${name}`, import.meta.url), 'utf8')
    t.ok(built === text, `${name}: run npm run build`)
  }
})

/** Every module that is loaded with this one, by URL. */
function reachable(entry: string, seen = new Map<string, string>()): Map<string, string> {
  if (seen.has(entry)) return seen
  const source = readFileSync(fileURLToPath(entry), 'utf8')
  seen.set(entry, source)
  for (const [, specifier] of source.matchAll(/^\s*(?:import|export)\s+(?:[\w$*{},\s]+\sfrom\s+)?['"]([^'"]+)['"]/gm)) {
    if (specifier === '#schemas') reachable(new URL('../generated/schemas.js', import.meta.url).href, seen)
    else reachable(specifier!.startsWith('.') ? new URL(specifier!, entry).href : import.meta.resolve(specifier!), seen)
  }
  return seen
}
const generatesCode = /\bFunction\s*\(|\bglobalThis\.Function\b|\beval\s*\(|\bEvaluate\s*\(/

t.test('[FR14] nothing that a program loads generates code, nor is it of another package', async t => {
  const loaded = reachable(new URL('../index.js', import.meta.url).href)
  t.ok(loaded.size > 15, `${loaded.size} modules were looked at`)
  const others = [...loaded].filter(([url, source]) => url.includes('node_modules') || generatesCode.test(source))
  t.same(
    others.map(([url]) => url),
    [],
  )
  for (const door of ["new Function('a')", "globalThis.Function('a')", 'eval(a)', 'Evaluate(a)']) {
    t.match(door, generatesCode, 'the search finds it')
  }
})

t.test('[FR14] frames are checked where text may not become code', async t => {
  const script = `
    import { decodeClientFrame } from ${JSON.stringify(new URL('../index.js', import.meta.url).href)}
    console.log(decodeClientFrame('{"type":"ping","payload":{}}').ok, decodeClientFrame('{"type":"subscribe"}').message)`
  const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', script]
  const { stdout, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  t.equal(stdout.trim(), 'true payload.topics: is required', stderr)
})

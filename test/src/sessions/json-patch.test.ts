import fastJsonPatch, { type Operation } from 'fast-json-patch'
import t from 'tap'
import { applyPatch, PatchFailure, type PatchOperation } from '../../../src/sessions/json-patch.ts'
import { seededRandom } from '../../helpers/random.ts'
import { seed, size } from '../../helpers/sizes.ts'

const MiB = 1024 * 1024

function outcome(document: unknown, patch: readonly PatchOperation[]) {
  try {
    return { document: applyPatch(structuredClone(document), patch, MiB) }
  } catch (error) {
    if (!(error instanceof PatchFailure)) throw error
    return { failed: error.operation }
  }
}

/** The same by a library that clones and validates. */
function expected(document: unknown, patch: readonly PatchOperation[]) {
  let current = structuredClone(document)
  for (const operation of patch) {
    try {
      current = fastJsonPatch.applyOperation(current, structuredClone(operation) as Operation).newDocument
    } catch (error) {
      // A bug of the library: it looks up the target of a move before removing the source, and fails where they meet.
      if (error instanceof TypeError) return undefined
      throw error
    }
  }
  return { document: current }
}

t.test('on random documents and patches the result equals that of a library', async t => {
  const start = seed()
  t.comment(`SEED=${start}`)
  const { below, pick } = seededRandom(start)
  const names = ['a', 'b', '', 'a/b', 'm~n', '0', '1', 'é']
  const value = (depth: number): unknown => {
    const kind = below(depth > 0 ? 7 : 5)
    if (kind === 5) return Array.from({ length: below(4) }, () => value(depth - 1))
    if (kind === 6) return Object.fromEntries(Array.from({ length: below(4) }, () => [pick(names), value(depth - 1)]))
    return [null, true, 7, 'x', ''][kind]
  }
  const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1')
  const pointer = (document: unknown): string => {
    let path = ''
    for (let at = document; below(4) > 0; ) {
      if (Array.isArray(at)) {
        const index = pick([...at.keys(), at.length, '-'])
        path += `/${index}`
        at = at[index as number]
      } else if (typeof at === 'object' && at !== null) {
        const name = pick(below(3) > 0 && Object.keys(at).length > 0 ? Object.keys(at) : names)
        path += `/${escaped(name)}`
        at = (at as Record<string, unknown>)[name]
      } else break
    }
    return path
  }
  let applied = 0
  for (let i = 0; i < size('PATCHES', { quick: 4000, full: 20_000 }); i++) {
    const document = value(3)
    const patch = Array.from({ length: 1 + below(3) }, () => {
      const op = pick(['add', 'remove', 'replace', 'move', 'copy', 'test'] as const)
      const path = pointer(document)
      if (op === 'move' || op === 'copy') return { op, path, from: pointer(document) }
      return op === 'remove' ? { op, path } : { op, path, value: value(1) }
    })
    // For a copy onto the root, a move of the root, and a move into itself, the library deviates from the RFC.
    const isOdd = ({ op, path, from }: PatchOperation) =>
      (from !== undefined && path === '') || (op === 'move' && path.startsWith(`${from}/`))
    if (patch.some(isOdd)) continue
    const before = JSON.stringify(patch)
    const result = outcome(document, patch)
    if (JSON.stringify(patch) !== before) t.fail(`changed the patch ${before}`)
    // The library is less reliable about which patches fail.
    if ('failed' in result) continue
    const theirs = expected(document, patch)
    if (theirs === undefined) continue
    applied++
    if (!t.same(result, theirs, JSON.stringify({ document, patch }))) return
  }
  t.ok(applied > 1000, `${applied} applied`)
})

t.test('[SE4] pointers follow RFC 6901', async t => {
  const document = { list: [1, 2], 'a/b': 1, 'm~n': 2, '': 3, '~1': 4 }
  const test = (path: string, value: unknown) => outcome(document, [{ op: 'test', path, value }])
  for (const [path, value] of [
    ['/a~1b', 1],
    ['/m~0n', 2],
    ['/', 3],
    ['/~01', 4],
    ['/list/1', 2],
  ] as const) {
    t.match(test(path, value), { document }, path)
  }
  for (const path of ['list', '/list/01', '/list/-1', '/list/2', '/list/-', '/list/1e0', '/list/length', '/~2', '/~']) {
    t.same(test(path, 1), { failed: 0 }, path)
  }
  for (const path of ['/toString', '/list/map', '/__proto__', '/constructor'])
    t.same(test(path, 1), { failed: 0 }, path)
  t.same(outcome({ a: 1 }, [{ op: 'move', from: '/a', path: '/a/b' }]), { failed: 0 }, 'nothing moves into itself')
  t.same(outcome({ a: 1 }, [{ op: 'move', from: '/a', path: '/a' }]), { document: { a: 1 } })
  t.same(outcome({ a: 1 }, [{ op: 'remove', path: '' }]), { document: null })
  t.same(outcome({ a: 1, ab: 2 }, [{ op: 'move', from: '/a', path: '/ab' }]), { document: { ab: 1 } })
})

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

t.test('[SE17] a patch that costs more than the limit fails, whatever it repeats', async t => {
  const list = { a: times(100_000, () => 1), b: times(100_000, () => 1) }
  const wide = { a: Object.fromEntries(times(30_000, i => [`k${i}`, 0])), b: {} }
  const patches: Record<string, [unknown, PatchOperation[]]> = {
    'moves within an array': [list, times(4000, () => ({ op: 'move', from: '/a/0', path: '/a/50000' }))],
    'moves between arrays': [
      list,
      times(4000, i => ({ op: 'move', from: i % 2 ? '/a/0' : '/b/0', path: i % 2 ? '/b/0' : '/a/0' })),
    ],
    inserts: [list, times(4000, () => ({ op: 'add', path: '/a/0', value: 0 }))],
    removals: [list, times(4000, () => ({ op: 'remove', path: '/a/0' }))],
    'comparisons with a large object': [wide, times(4000, () => ({ op: 'test', path: '/a', value: wide.a }))],
    'long paths': [{ a: {} }, times(4000, i => ({ op: 'add', path: '/a'.repeat((i % 150) + 1), value: {} }))],
  }
  for (const [name, [document, patch]] of Object.entries(patches)) {
    try {
      applyPatch(structuredClone(document), patch, MiB)
      t.fail(name)
    } catch (error) {
      t.match(error, { flaw: 'work' }, name)
    }
  }
  const moved = times(4000, () => ({ op: 'move' as const, from: '/0', path: '/99' }))
  t.match(
    outcome(
      times(100, i => i),
      moved,
    ),
    { document: times(100, i => i) },
    'on a small list the same moves succeed',
  )
})

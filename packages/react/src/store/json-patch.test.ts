import fastJsonPatch from 'fast-json-patch'
import t from 'tap'
import { patched } from './json-patch.ts'

const value = { a: { b: [1, 2, 3] }, 'x/y': { '~': 1 }, keep: { me: true } }

/** The operations of RFC 6902, to compare with another implementation. */
const patches: Parameters<typeof patched>[1][] = [
  [{ op: 'add', path: '/a/c', value: 1 }],
  [{ op: 'add', path: '/a/b/1', value: 9 }],
  [{ op: 'add', path: '/a/b/-', value: 9 }],
  [{ op: 'remove', path: '/a/b/0' }],
  [{ op: 'remove', path: '/x~1y/~0' }],
  [{ op: 'replace', path: '/a/b/2', value: null }],
  [{ op: 'replace', path: '/x~1y', value: [] }],
  [{ op: 'move', from: '/a/b/0', path: '/a/b/2' }],
  [{ op: 'move', from: '/a', path: '/z' }],
  [{ op: 'copy', from: '/a/b', path: '/a/b/0' }],
  [{ op: 'test', path: '/a/b/0', value: 1 }],
  [
    { op: 'add', path: '/list', value: [] },
    { op: 'add', path: '/list/0', value: 'x' },
    { op: 'replace', path: '/list/0', value: 'y' },
  ],
  [{ op: 'replace', path: '', value: 'all' }],
  [{ op: 'add', path: '', value: { new: 1 } }],
]

t.test('patches do what RFC 6902 says, and leave the old value as it was', t => {
  const before = structuredClone(value)
  for (const patch of patches) {
    const expected = fastJsonPatch.applyPatch(structuredClone(value), structuredClone(patch) as never).newDocument
    t.same(patched(value, patch), expected, JSON.stringify(patch))
    t.strictSame(value, before)
  }
  const next = patched(value, [{ op: 'add', path: '/a/c', value: 1 }]) as typeof value
  t.equal(next.keep, value.keep, 'what did not change is shared')
  t.end()
})

t.test('the name __proto__ is a name like any other', t => {
  const next = patched({}, [{ op: 'add', path: '/__proto__', value: { polluted: 1 } }])
  t.equal(JSON.stringify(next), '{"__proto__":{"polluted":1}}')
  t.equal(({} as { polluted?: number }).polluted, undefined)
  const deep = patched(next, [{ op: 'add', path: '/__proto__/more', value: 2 }])
  t.equal(JSON.stringify(deep), '{"__proto__":{"polluted":1,"more":2}}')
  t.equal(({} as { more?: number }).more, undefined)
  t.end()
})

import t from 'tap'
import { MAX_STATE_BYTES, patchState } from '../../../src/sessions/patch-state.ts'

const patch = (state: unknown, ...operations: object[]) => patchState(state, operations as never)

t.test('all operations of RFC 6902 work', async t => {
  const state = { a: [1, 2], b: { c: 'x' } }
  t.same(
    patch(
      structuredClone(state),
      { op: 'add', path: '/a/-', value: 3 },
      { op: 'move', from: '/b/c', path: '/d' },
      { op: 'remove', path: '/b' },
    ),
    { status: 'ok', state: { a: [1, 2, 3], d: 'x' } },
  )
  t.same(patch(state, { op: 'replace', path: '', value: null }), { status: 'ok', state: null })
  t.match(patch(state, { op: 'copy', from: '/b', path: '/e' }, { op: 'test', path: '/e/c', value: 'x' }), {
    status: 'ok',
  })
})

t.test('[SE4] the operation that fails is named, and the whole patch has no effect', async t => {
  const state = { a: 1 }
  const flaws: [object, RegExp][] = [
    [{ op: 'replace', path: '/b', value: 1 }, /replace "\/b"/],
    [{ op: 'remove', path: '/b' }, /remove "\/b"/],
    [{ op: 'test', path: '/a', value: 2 }, /test "\/a"/],
    [{ op: 'add', path: 'a', value: 2 }, /add "a"/],
    [{ op: 'add', path: '/x' }, /add "\/x"/],
    [{ op: 'copy', path: '/x' }, /copy/],
    [{ op: 'move', from: '/none', path: '/x' }, /move/],
    [{ op: 'add', path: '/a/b/c', value: 2 }, /add/],
  ]
  for (const [operation, message] of flaws) {
    const refused = patch({ ...state }, { op: 'add', path: '/fine', value: 1 }, operation)
    t.match(refused, { status: 'refused', error: { code: 'patch_failed', message, details: { operation: 1 } } })
  }
})

t.test('no patch reaches a prototype', async t => {
  for (const path of ['/__proto__/polluted', '/constructor/prototype/polluted', '/a/__proto__/polluted']) {
    t.match(
      patch({ a: {} }, { op: 'add', path, value: true }),
      { status: 'refused', error: { code: 'patch_failed' } },
      path,
    )
  }
  patch({}, { op: 'add', path: '/a', value: JSON.parse('{"__proto__":{"polluted":true}}') })
  t.equal(({} as { polluted?: boolean }).polluted, undefined)
})

t.test('[SE13] a state stays small, whatever a patch copies', async t => {
  const doubling = Array.from({ length: 64 }, (_, i) => ({ op: 'copy', from: '', path: `/x${i}` }))
  t.match(patch({ text: 'x'.repeat(1000) }, ...doubling), { status: 'refused', error: { code: 'too_large' } })
  const texts = Array.from({ length: 64 }, () => ({ op: 'copy', from: '/text', path: '/list/-' }))
  t.match(patch({ text: 'x'.repeat(10_000), list: [] }, ...texts), { status: 'refused', error: { code: 'too_large' } })
  const large = { op: 'add', path: '/x', value: 'x'.repeat(MAX_STATE_BYTES) }
  t.match(patch({}, large), {
    status: 'refused',
    error: { code: 'too_large', details: { limitBytes: MAX_STATE_BYTES } },
  })
})

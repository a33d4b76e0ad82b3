import t from 'tap'
import { usable } from './kept-preferences.ts'
import { safeStorage } from './safe-storage.ts'

const kinds = {
  theme: ['dark', 'light'],
  group: 'text',
  on: 'flag',
  ids: 'texts',
  drafts: 'map of texts',
  seen: 'map of numbers',
} as const

t.test('what is of its kind is used', async t => {
  const kept = { theme: 'dark', group: 'team', on: true, ids: ['a'], drafts: { a: 'ls' }, seen: { a: 1 } }
  t.same(usable(kept, kinds), kept)
})

t.test('what is not is left out, and the rest stays', async t => {
  for (const kept of [null, undefined, 'x', 7, []]) t.same(usable(kept, kinds), {})
  const odd = {
    theme: 5,
    group: { a: 1 },
    ids: 'abc',
    drafts: { a: {} },
    seen: null,
    constructor: 1,
    set: 'x',
    on: false,
  }
  t.same(usable(odd, kinds), { on: false })
  t.same(usable({ ids: [null], drafts: [], seen: { a: 'soon' }, theme: 'pink' }, kinds), {})
})

t.test('storage that refuses keeps nothing and breaks nothing', async t => {
  const forbidden = safeStorage(() => {
    throw new Error('denied')
  })
  const full = safeStorage(
    () =>
      ({
        getItem: () => 'kept',
        setItem: () => {
          throw new Error('full')
        },
      }) as never,
  )
  for (const storage of [forbidden, full]) storage.setItem('a', 'b')
  forbidden.removeItem('a')
  t.equal(forbidden.getItem('a'), null)
  t.equal(full.getItem('a'), 'kept')
})

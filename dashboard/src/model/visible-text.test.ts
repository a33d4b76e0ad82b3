import t from 'tap'
import { visibleText } from './visible-text.ts'

t.test('what turns or hides text is written out', async t => {
  t.equal(visibleText('ls # \u202e;fr- mr'), 'ls # ⟨U+202E⟩;fr- mr')
  t.equal(visibleText('a\u200bb\u2066c\u0000d\re\u001b[2K'), 'a⟨U+200B⟩b⟨U+2066⟩c⟨U+0000⟩d⟨U+000D⟩e⟨U+001B⟩[2K')
  t.equal(visibleText('x\u{e0041}'), 'x⟨U+E0041⟩')
})

t.test('what people write stays as it is', async t => {
  for (const text of ['', 'rm -rf build && make\n\tdone', 'שלום עולם', '👩‍🚀 می‌خواهم', 'naïve “quotes” – 12\u00a0km']) {
    t.equal(visibleText(text), text)
  }
})

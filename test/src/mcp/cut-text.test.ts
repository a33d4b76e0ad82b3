import { test } from 'tap'
import { cutMiddle, oneLine, partAfter, partBefore } from '../../../src/mcp/cut-text.ts'
import { seededRandom } from '../../helpers/random.ts'

const pieces = ['a', 'bc ', '\n', 'é', '漢', '🙂', 'line\n', '\r\n', '👩‍👩‍👧']
const lone = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/

function textOf(seed: number): { text: string; limit: number } {
  const random = seededRandom(seed)
  const text = Array.from({ length: random.below(200) }, () => random.pick(pieces)).join('')
  return { text, limit: 2 + random.below(60) }
}

test('consecutive parts are the whole text, in either direction', async t => {
  for (let seed = 0; seed < 500; seed++) {
    const { text, limit } = textOf(seed)
    let [forward, backward] = ['', '']
    for (let at = 0; at < text.length; ) {
      const part = partAfter(text, at, limit)
      if (part.text.length > limit + 1 || lone.test(part.text) || part.end <= at) return t.fail(`after: seed ${seed}`)
      forward += part.text
      at = part.end
    }
    for (let at = text.length; at > 0; ) {
      const part = partBefore(text, at, limit)
      if (part.text.length > limit + 1 || lone.test(part.text) || part.start >= at)
        return t.fail(`before: seed ${seed}`)
      backward = part.text + backward
      at = part.start
    }
    if (forward !== text || backward !== text) return t.fail(`seed ${seed}`)
  }
  t.pass('500 seeds')
})

test('positions outside the text and texts without lines are handled', async t => {
  t.match(partAfter('abc', 10, 5), { text: '', start: 3, end: 3, total: 3 })
  t.match(partBefore('abc', 10, 5), { text: 'abc', start: 0, end: 3 })
  t.match(partBefore('', undefined, 5), { text: '', total: 0 })
  t.match(partBefore('one\ntwo\nthree\n', undefined, 11), { text: 'two\nthree\n' }, 'begins with a complete line')
  t.match(partAfter('one\ntwo\nthree', 0, 9), { text: 'one\ntwo\n' }, 'ends with a complete line')
})

test('the length of text left out in the middle is stated', async t => {
  t.equal(cutMiddle('short', 100, 'read on'), 'short')
  for (let seed = 0; seed < 200; seed++) {
    const { text, limit } = textOf(seed)
    const cut = cutMiddle(text, limit, 'read on')
    if (text.length <= limit) t.equal(cut, text)
    else {
      const missing = Number(/(\d+) of (\d+) characters left out/.exec(cut)?.[1])
      const shown = cut.replace(/\n\[… .* …\]\n/, '').length
      if (shown + missing !== text.length || lone.test(cut)) return t.fail(`seed ${seed}: ${cut}`)
    }
  }
})

test('whitespace is collapsed to one line, which is cut at its length', async t => {
  t.equal(oneLine(' a\n\tb  c ', 100), 'a b c')
  t.equal(oneLine('abcdef', 4), 'abc…')
  t.notMatch(oneLine('ab🙂cd', 4), lone)
})

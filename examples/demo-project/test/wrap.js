import assert from 'node:assert/strict'
import { wrap } from '../src/wrap.js'

export const betweenWords = () => assert.deepEqual(wrap('the quick brown fox', 10), ['the quick', 'brown fox'])
export const longWords = () => assert.deepEqual(wrap('abcdefgh ij', 3), ['abc', 'def', 'gh', 'ij'])
export const nothing = () => assert.deepEqual(wrap('   ', 10), [])
export const neverTooWide = random => {
  for (let n = 0; n < 500; n++) {
    const width = 1 + Math.floor(random() * 20)
    const text = Array.from({ length: 30 }, () => 'x'.repeat(1 + Math.floor(random() * 30))).join(' ')
    for (const line of wrap(text, width)) assert.ok(line.length <= width)
  }
}

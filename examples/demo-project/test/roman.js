import assert from 'node:assert/strict'
import { fromRoman, toRoman } from '../src/roman.js'

export const years = () => assert.deepEqual([1984, 2026].map(toRoman), ['MCMLXXXIV', 'MMXXVI'])
export const everyNumber = () => {
  for (let n = 1; n < 4000; n++) assert.equal(fromRoman(toRoman(n)), n)
}
export const tooLarge = () => assert.throws(() => toRoman(4000), RangeError)
export const sloppy = () => {
  for (const text of ['IIII', 'VX', 'IC', '', 'mm']) assert.throws(() => fromRoman(text), SyntaxError)
}

import assert from 'node:assert/strict'
import { fromCsv, toCsv } from '../src/csv.js'

export const plain = () =>
  assert.equal(
    toCsv([
      ['a', 'b'],
      ['1', '2'],
    ]),
    'a,b\n1,2',
  )
export const quotes = () => assert.equal(toCsv([['say "hi"', 'x,y']]), '"say ""hi""","x,y"')
export const lineEnds = () => assert.deepEqual(fromCsv('a\r\nb\nc'), [['a'], ['b'], ['c']])

const common = ['a', 'b', 'c', ' ', ',', '"', '\n']

/** Mostly common characters; about one in 2,500 is a carriage return. */
function randomField(random) {
  const length = Math.floor(random() * 6)
  return Array.from({ length }, () => (random() < 0.0004 ? '\r' : common[Math.floor(random() * common.length)])).join(
    '',
  )
}

export const randomTables = random => {
  for (let n = 0; n < 200; n++) {
    const table = Array.from({ length: 1 + Math.floor(random() * 3) }, () => [randomField(random), randomField(random)])
    const text = toCsv(table)
    const [expected, written, read] = [table, text, fromCsv(text)].map(value => JSON.stringify(value))
    assert.ok(read === expected, `${expected}\nwas written as ${written}\nand read as    ${read}`)
  }
}

const numerals = [
  ['M', 1000],
  ['CM', 900],
  ['D', 500],
  ['CD', 400],
  ['C', 100],
  ['XC', 90],
  ['L', 50],
  ['XL', 40],
  ['X', 10],
  ['IX', 9],
  ['V', 5],
  ['IV', 4],
  ['I', 1],
]

/** Writes a number from 1 to 3999 as a Roman numeral. */
export function toRoman(number) {
  if (!Number.isInteger(number) || number < 1 || number > 3999)
    throw new RangeError(`not between 1 and 3999: ${number}`)
  let rest = number
  let text = ''
  for (const [numeral, value] of numerals) {
    while (rest >= value) {
      text += numeral
      rest -= value
    }
  }
  return text
}

/** Reads a Roman numeral. Refuses what `toRoman` would not write, such as `IIII`. */
export function fromRoman(text) {
  let rest = text
  let number = 0
  for (const [numeral, value] of numerals) {
    while (rest.startsWith(numeral)) {
      number += value
      rest = rest.slice(numeral.length)
    }
  }
  if (rest !== '' || number === 0 || toRoman(number) !== text) throw new SyntaxError(`not a Roman numeral: ${text}`)
  return number
}

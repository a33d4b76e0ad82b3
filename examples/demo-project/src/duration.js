const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]

/** Writes milliseconds as people say them: 5,400,000 becomes `1h 30m`. */
export function formatDuration(ms) {
  if (ms === 0) return '0s'
  let rest = ms
  const parts = []
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size)
    if (count > 0) parts.push(`${count}${unit}`)
    rest -= count * size
  }
  return parts.join(' ')
}

/** Reads what `formatDuration` writes, in any order. Milliseconds. */
export function parseDuration(text) {
  let ms = 0
  for (const part of text.trim().split(/\s+/)) {
    const [, count, unit] = /^(\d+)([a-z]+)$/.exec(part) ?? []
    const found = units.find(([name]) => name === unit)
    if (found === undefined) throw new SyntaxError(`not a duration: ${part}`)
    ms += Number(count) * found[1]
  }
  return ms
}

/** Breaks a text into lines of at most `width` characters, between words if possible. */
export function wrap(text, width) {
  const lines = []
  let line = ''
  for (const word of text
    .split(/\s+/)
    .filter(word => word !== '')
    .flatMap(word => pieces(word, width))) {
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length <= width) line = longer
    else {
      lines.push(line)
      line = word
    }
  }
  return line === '' ? lines : [...lines, line]
}

/** Splits a word that is longer than a line. */
function pieces(word, width) {
  const parts = []
  for (let at = 0; at < word.length; at += width) parts.push(word.slice(at, at + width))
  return parts
}

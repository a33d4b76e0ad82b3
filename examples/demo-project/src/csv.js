/** Writes rows as comma-separated values. */
export function toCsv(rows) {
  return rows.map(row => row.map(quoted).join(',')).join('\n')
}

/** Puts quotes around a field that would otherwise be read as something else. */
function quoted(field) {
  return /[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}

/** Reads comma-separated values, with the line ends of any system. */
export function fromCsv(text) {
  const rows = [[]]
  let field = ''
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (isQuoted) {
      if (character !== '"') field += character
      else if (text[i + 1] === '"') field += text[++i]
      else isQuoted = false
    } else if (character === '"') isQuoted = true
    else if (character === ',') {
      rows.at(-1).push(field)
      field = ''
    } else if (character === '\n' || character === '\r') {
      if (character === '\r' && text[i + 1] === '\n') i++
      rows.at(-1).push(field)
      rows.push([])
      field = ''
    } else field += character
  }
  rows.at(-1).push(field)
  return rows
}

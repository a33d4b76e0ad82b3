import { shortText } from '../short-text.ts'

/** Part of a longer text: `start` and `end` count characters (UTF-16 units) from its start. */
export interface Part {
  text: string
  start: number
  end: number
  total: number
}

/** A cut must not split a surrogate pair. */
const isInsideCharacter = (text: string, at: number): boolean =>
  at > 0 && at < text.length && /[\uDC00-\uDFFF]/.test(text[at]!) && /[\uD800-\uDBFF]/.test(text[at - 1]!)
const whole = (text: string, at: number): number => (isInsideCharacter(text, at) ? at + 1 : at)

/** The part that starts at `start`. It ends after a complete line if that costs less than half of the part. */
export function partAfter(text: string, start: number, limit: number): Part {
  const from = whole(text, Math.min(start, text.length))
  let end = whole(text, Math.min(from + limit, text.length))
  if (end < text.length) {
    const line = text.lastIndexOf('\n', end - 1) + 1
    if (line > from + limit / 2) end = line
  }
  return { text: text.slice(from, end), start: from, end, total: text.length }
}

/** The part that ends at `end` (default: the last part). Starts at a line if that costs less than half of the part. */
export function partBefore(text: string, end: number = text.length, limit: number): Part {
  const to = whole(text, Math.min(end, text.length))
  let start = whole(text, Math.max(0, to - limit))
  if (start > 0) {
    const line = text.indexOf('\n', start - 1) + 1
    if (line > 0 && line < to - limit / 2) start = line
  }
  return { text: text.slice(start, to), start, end: to, total: text.length }
}

/** Start and end of a text that is too long, with a note between them that says how to read the rest. */
export function cutMiddle(text: string, limit: number, howToReadOn: string): string {
  if (text.length <= limit) return text
  const head = partAfter(text, 0, Math.floor(limit / 3))
  const tail = partBefore(text, text.length, limit - head.text.length)
  const missing = tail.start - head.end
  return `${head.text}\n[… ${missing} of ${text.length} characters left out here: ${howToReadOn} …]\n${tail.text}`
}

/** One line of at most `limit` characters. */
export function oneLine(text: string, limit: number): string {
  return shortText(text.replace(/\s+/g, ' ').trim(), limit)
}

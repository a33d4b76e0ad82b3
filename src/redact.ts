const GONE = '[redacted]'

const codeOf = (char: string) => char.charCodeAt(0).toString(16).padStart(2, '0')

/** A character in either case, as it stands or percent-escaped, once or again: `t`, `%74`, `%54`, `%2574`. */
const escaped = (char: string): string =>
  `(?:\\x${codeOf(char)}|%(?:25)*(?:${codeOf(char)}|${codeOf(char.toUpperCase())}))`
const written = (text: string): string => [...text].map(escaped).join('')
const anyOf = (chars: string): string => `(?:${[...chars].map(escaped).join('|')})`

/** What a token is made of, escaped or not. Whole runs are looked at, each once: a long line costs its length, whatever it is. */
const RUN = /[\w.%~+-]{20,}/g

function unescaped(text: string): string {
  const plain = text.replace(/%(?:25)+/g, '%')
  return plain.replace(/%([0-7][0-9a-f])/gi, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

/** Parts of base64url with dots between them, of which the first begins with `{"`. */
function isToken(run: string): boolean {
  const text = unescaped(run)
  const at = text.indexOf('eyJ')
  return at !== -1 && text.indexOf('.', at) !== -1
}

const PARAMETER = new RegExp(`(${written('token')}${escaped('=')})[^\\s"'&#;,\\\\<>]+`, 'gi')
const SUSPECT = /eyJ|token|%/i

/** A line of the log without what looks like a token, however it is escaped. */
export const redactLine = (line: string): string =>
  SUSPECT.test(line) ? line.replace(RUN, run => (isToken(run) ? GONE : run)).replace(PARAMETER, `$1${GONE}`) : line

/** Where a query begins, or would have if its sender had not escaped that. No route has one of these in its path. */
const QUERY = new RegExp(anyOf('?#;=&'), 'i')
/** Longer than any id. */
const LONG = /[^/]{129,}/g

/**
 * What the log shows of a URL: its path. Parameters may hold a token under whatever name their sender gave it; a part of the
 * path that is longer than any id may be one too.
 */
export function redactUrl(url: string): string {
  const at = url.search(QUERY)
  const path = (at === -1 ? url : url.slice(0, at)).replace(LONG, GONE)
  return at === -1 ? path : `${path}?${GONE}`
}

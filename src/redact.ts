const GONE = '[redacted]'

const codeOf = (char: string) => char.charCodeAt(0).toString(16).padStart(2, '0')

/** A character in either case, plain or percent-escaped one or more times: `t`, `%74`, `%54`, `%2574`. */
const escaped = (char: string): string =>
  `(?:\\x${codeOf(char)}|%(?:25)*(?:${codeOf(char)}|${codeOf(char.toUpperCase())}))`
const written = (text: string): string => [...text].map(escaped).join('')
const anyOf = (chars: string): string => `(?:${[...chars].map(escaped).join('|')})`

/** Runs of token characters, escaped or not. Each run is examined once, so the cost is linear in the line's length. */
const RUN = /[\w.%~+-]{20,}/g

function unescaped(text: string): string {
  const plain = text.replace(/%(?:25)+/g, '%')
  return plain.replace(/%([0-7][0-9a-f])/gi, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

/** Parts of base64url separated by dots, the first of which starts with `{"`. */
function isToken(run: string): boolean {
  const text = unescaped(run)
  const at = text.indexOf('eyJ')
  return at !== -1 && text.indexOf('.', at) !== -1
}

const PARAMETER = new RegExp(`(${written('token')}${escaped('=')})[^\\s"'&#;,\\\\<>]+`, 'gi')
const SUSPECT = /eyJ|token|%/i

/** A log line without anything that looks like a token, however it is escaped. */
export const redactLine = (line: string): string =>
  SUSPECT.test(line) ? line.replace(RUN, run => (isToken(run) ? GONE : run)).replace(PARAMETER, `$1${GONE}`) : line

/** The start of a query, escaped or not. No route has any of these characters in its path. */
const QUERY = new RegExp(anyOf('?#;=&'), 'i')
/** Longer than any id. */
const LONG = /[^/]{129,}/g

/**
 * The form of a URL in the log: its path. A token may be in a parameter of any name, and a part of the path that is
 * longer than any id may be one too.
 */
export function redactUrl(url: string): string {
  const at = url.search(QUERY)
  const path = (at === -1 ? url : url.slice(0, at)).replace(LONG, GONE)
  return at === -1 ? path : `${path}?${GONE}`
}

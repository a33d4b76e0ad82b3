import { depthOfText, MAX_VALUE_DEPTH } from '@fleetwire/protocol'

/** Limits for strings inside the value, tried in this order. */
const TEXT_CHARS = [64 * 1024, 16 * 1024, 4096, 1024, 256]
/** Leaves room for the nesting that the frame adds. */
const MAX_DEPTH = MAX_VALUE_DEPTH - 4

/** Makes a value of the program fit into a frame. Long strings are shortened, with a mark where text was removed. */
export function fitJson(value: unknown, maxBytes = 100 * 1024): unknown {
  for (const chars of TEXT_CHARS) {
    const json = jsonOf(value, chars)
    if (json === undefined || depthOfText(json) > MAX_DEPTH) return '[nested too deeply to be shown]'
    if (Buffer.byteLength(json) <= maxBytes) return JSON.parse(json)
  }
  return cut(jsonOf(value, 64) ?? '', 1024)
}

/** Undefined for a value that cannot be serialized, for example because it overflows the stack. */
function jsonOf(value: unknown, chars: number): string | undefined {
  try {
    return JSON.stringify(value, (_key, part) => (typeof part === 'string' ? cut(part, chars) : part)) ?? 'null'
  } catch {
    return undefined
  }
}

/** Keeps the beginning and the end: the end of a long text usually says how it went. */
export function cut(text: string, chars: number): string {
  if (text.length <= chars) return text
  const half = Math.floor(chars / 2)
  return `${text.slice(0, half)}\n[… ${text.length - 2 * half} characters cut …]\n${text.slice(-half)}`
}

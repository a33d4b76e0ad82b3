import { depthOfText, MAX_VALUE_DEPTH } from '@fleetwire/protocol'

/** How long texts may be, tried in this order. */
const TEXT_CHARS = [64 * 1024, 16 * 1024, 4096, 1024, 256]
/** What the frame adds around it counts too. */
const MAX_DEPTH = MAX_VALUE_DEPTH - 4

/**
 * A value that fits into a frame: whatever the program sent is shown as far as it goes, with a mark where a text was
 * cut.
 */
export function fitJson(value: unknown, maxBytes = 100 * 1024): unknown {
  for (const chars of TEXT_CHARS) {
    const json = jsonOf(value, chars)
    if (json === undefined || depthOfText(json) > MAX_DEPTH) return '[nested too deeply to be shown]'
    if (Buffer.byteLength(json) <= maxBytes) return JSON.parse(json)
  }
  return cut(jsonOf(value, 64) ?? '', 1024)
}

/** Undefined for a value that overflows the stack. */
function jsonOf(value: unknown, chars: number): string | undefined {
  try {
    return JSON.stringify(value, (_key, part) => (typeof part === 'string' ? cut(part, chars) : part)) ?? 'null'
  } catch {
    return undefined
  }
}

/** The beginning and the end; of what is too long, the end usually says how it went. */
export function cut(text: string, chars: number): string {
  if (text.length <= chars) return text
  const half = Math.floor(chars / 2)
  return `${text.slice(0, half)}\n[… ${text.length - 2 * half} characters cut …]\n${text.slice(-half)}`
}

import { depthOfText, MAX_VALUE_DEPTH } from '@fleetwire/protocol'

/** How long texts may be, tried in this order. */
const TEXT_CHARS = [64 * 1024, 16 * 1024, 4096, 1024, 256]

/**
 * A value that fits into a frame: whatever the program sent is shown as far as it goes, with a mark where a text was
 * cut.
 */
export function fitJson(value: unknown, maxBytes = 100 * 1024): unknown {
  for (const chars of TEXT_CHARS) {
    const json = JSON.stringify(value, (_key, part) => (typeof part === 'string' ? cut(part, chars) : part)) ?? 'null'
    if (Buffer.byteLength(json) > maxBytes) continue
    if (depthOfText(json) > MAX_VALUE_DEPTH - 4) return '[nested too deeply to be shown]'
    return JSON.parse(json)
  }
  return cut(JSON.stringify(value), 1024)
}

/** The beginning and the end; of what is too long, the end usually says how it went. */
export function cut(text: string, chars: number): string {
  if (text.length <= chars) return text
  const half = Math.floor(chars / 2)
  return `${text.slice(0, half)}\n[… ${text.length - 2 * half} characters cut …]\n${text.slice(-half)}`
}

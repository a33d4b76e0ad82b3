/** A modifier from the key row, applied to the next character. */
export type Held = 'ctrl' | 'alt' | undefined

/** The input for a character combined with a held modifier. */
export function withHeld(held: Held, data: string): string {
  if (held === undefined || data.length !== 1) return data
  if (held === 'alt') return `\x1b${data}`
  const code = data.toUpperCase().charCodeAt(0)
  if (data === ' ') return '\0'
  if (data === '?') return '\x7f'
  return code >= 0x40 && code <= 0x5f ? String.fromCharCode(code & 0x1f) : data
}

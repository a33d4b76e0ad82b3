/** A key of the row that is held for the next character. */
export type Held = 'ctrl' | 'alt' | undefined

/** What a character means together with a held key. */
export function withHeld(held: Held, data: string): string {
  if (held === undefined || data.length !== 1) return data
  if (held === 'alt') return `\x1b${data}`
  const code = data.toUpperCase().charCodeAt(0)
  if (data === ' ') return '\0'
  if (data === '?') return '\x7f'
  return code >= 0x40 && code <= 0x5f ? String.fromCharCode(code & 0x1f) : data
}

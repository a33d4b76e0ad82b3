/**
 * Maximum nesting of a frame, its own object included. Deeper frames would overflow the stack of code that serialises
 * them again.
 */
export const MAX_DEPTH = 100

/**
 * Maximum nesting of a field's value in a payload or body. Far enough below MAX_DEPTH that every client accepts the
 * records, events, snapshots and lists that will contain the value.
 */
export const MAX_VALUE_DEPTH = 64

/**
 * The nesting depth of JSON text: objects and arrays count, strings and numbers are 0. Stops counting above MAX_DEPTH.
 */
export function depthOfText(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (inString) {
      if (char === 0x5c) i++
      else if (char === 0x22) inString = false
    } else if (char === 0x22) inString = true
    else if (char === 0x7b || char === 0x5b) {
      if (++depth > deepest) {
        deepest = depth
        if (deepest > MAX_DEPTH) break
      }
    } else if (char === 0x7d || char === 0x5d) depth--
  }
  return deepest
}

/**
 * Whether JSON text could be nested more than `levels` deep. Counts opening brackets, including those in strings. It
 * only searches for two characters, and so rules out nearly every frame before a scan character by character.
 */
export function mayBeDeeper(text: string, levels: number): boolean {
  let opened = 0
  for (const char of '{[') {
    for (let at = text.indexOf(char); at !== -1; at = text.indexOf(char, at + 1)) if (++opened > levels) return true
  }
  return false
}

/** Whether a value is nested more than `levels` deep. Looks no deeper than that, so no value overflows the stack. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  const members: unknown[] = Array.isArray(value) ? value : Object.values(value)
  for (const member of members) if (isDeeper(member, levels - 1)) return true
  return false
}

/** Error message for a field nested too deeply. */
export const TOO_DEEP = `nested more than ${MAX_VALUE_DEPTH} levels deep`

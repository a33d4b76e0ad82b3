/**
 * How many levels a frame may have, its own object included. Deeper ones would overflow the stack of whatever
 * serialises them again.
 */
export const MAX_DEPTH = 100

/**
 * How many levels a value in a field of a payload or body may have. This is so far below MAX_DEPTH that every client
 * accepts the records, events, snapshots and lists that the value becomes part of.
 */
export const MAX_VALUE_DEPTH = 64

/**
 * How deeply JSON text is nested: objects and arrays count, a text or a number is 0. Depths over MAX_DEPTH are not told
 * apart.
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
 * Whether JSON text could be nested more than `levels` deep. Counts opening brackets, including those within strings:
 * this is a search for two characters, and rules out nearly every frame before it is examined character by character.
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

/** The message for such a field. */
export const TOO_DEEP = `nested more than ${MAX_VALUE_DEPTH} levels deep`

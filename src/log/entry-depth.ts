import { depthOfText, MAX_DEPTH, mayBeDeeper } from '@fleetwire/protocol'

/** A snapshot wraps each record in four levels of its frame. */
const MAX_ENTRY_DEPTH = MAX_DEPTH - 4

/** Whether the JSON of an event or record is nested deeper than a frame can carry. */
export function isTooDeep(json: string): boolean {
  return mayBeDeeper(json, MAX_ENTRY_DEPTH) && depthOfText(json) > MAX_ENTRY_DEPTH
}

const NO_JSON = 'it is not valid JSON'
const TOO_DEEP = 'it is nested too deep'

/** Why no frame can carry this entry; undefined if one can. */
export function flawOf(json: string): string | undefined {
  try {
    JSON.parse(json)
  } catch {
    return NO_JSON
  }
  return isTooDeep(json) ? TOO_DEEP : undefined
}

/** As much of an entry as a frame can carry; null for invalid JSON. */
export function cutToFit(json: string): unknown {
  return flawOf(json) === NO_JSON ? null : cutBelow(JSON.parse(json), MAX_ENTRY_DEPTH)
}

/** Replaces anything nested deeper with a placeholder text. */
function cutBelow(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (levels === 0) return '[nested too deep]'
  if (Array.isArray(value)) return value.map(member => cutBelow(member, levels - 1))
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, cutBelow(member, levels - 1)]))
}

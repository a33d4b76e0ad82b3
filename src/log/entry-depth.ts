import { depthOfText, MAX_DEPTH } from '@fleetwire/protocol'

/** A record stands in the records of the payload of a snapshot: four levels of its frame are above it. */
const MAX_ENTRY_DEPTH = MAX_DEPTH - 4

/** Is the JSON of an event or a record nested deeper than any frame could carry it? */
export function isTooDeep(json: string): boolean {
  // Each level takes two characters: most entries need no look.
  return json.length > 2 * MAX_ENTRY_DEPTH && depthOfText(json) > MAX_ENTRY_DEPTH
}

import type { Order } from './agent-index.ts'

/**
 * Keeps the shown order, except for ids that no longer exist. `moves` counts what applying the current order would
 * change: ids added, removed or moved.
 */
export function frozenOrder(
  shown: Order,
  present: Order,
  exists: (id: string) => boolean,
): { order: Order; moves: number } {
  const ids = shown.ids.filter(exists)
  const order =
    ids.length === shown.ids.length
      ? shown
      : { ids, groups: shown.groups.map(({ key, ids }) => ({ key, ids: ids.filter(exists) })) }
  return { order, moves: movesBetween(order.ids, present.ids) }
}

/** Counts ids that are in only one list, and those outside the longest common subsequence. */
export function movesBetween(before: readonly string[], after: readonly string[]): number {
  const place = new Map(before.map((id, index) => [id, index]))
  const places = after.map(id => place.get(id)).filter(index => index !== undefined)
  const common = places.length
  return before.length - common + (after.length - common) + (common - longestRise(places))
}

/** The length of the longest increasing subsequence, by patience sorting. */
function longestRise(numbers: readonly number[]): number {
  const tails: number[] = []
  for (const value of numbers) {
    let low = 0
    let high = tails.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (tails[middle]! < value) low = middle + 1
      else high = middle
    }
    tails[low] = value
  }
  return tails.length
}

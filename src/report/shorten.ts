import { shortText } from '../short-text.ts'

/** Limits that let a reported value fit into a frame with room to spare, however large it is. */
const MAX_CHARS = 32 * 1024
const MAX_TEXT_CHARS = 8 * 1024
const MAX_ITEMS = 100
const MAX_LEVELS = 12
const MAX_PREVIEW_CHARS = 4 * 1024

/** Returns a small value unchanged. In a larger one, long texts and lists are shortened, each with a mark. */
export function shorten(value: unknown): unknown {
  const json = JSON.stringify(value)
  if (json === undefined) return undefined
  if (json.length <= MAX_CHARS && !isDeep(value, MAX_LEVELS)) return value
  const shorter = cut(value, MAX_LEVELS)
  if (JSON.stringify(shorter).length <= MAX_CHARS) return shorter
  return { shortened: true, preview: shortText(json, MAX_PREVIEW_CHARS) }
}

/** Splits a long text into pieces that fit into a frame even when escaped. */
export const piecesOf = (text: string): string[] => text.match(/[\s\S]{1,32000}(?![\uDC00-\uDFFF])/g) ?? []

function isDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some(member => isDeep(member, levels - 1))
}

function cut(value: unknown, levels: number): unknown {
  if (typeof value === 'string') return shortText(value, MAX_TEXT_CHARS)
  if (typeof value !== 'object' || value === null) return value
  if (levels === 0) return '…'
  if (Array.isArray(value)) {
    const kept = value.slice(0, MAX_ITEMS).map(member => cut(member, levels - 1))
    return value.length > MAX_ITEMS ? [...kept, `… ${value.length - MAX_ITEMS} more`] : kept
  }
  const entries = Object.entries(value)
  const kept = entries
    .slice(0, MAX_ITEMS)
    .map(([key, member]) => [shortText(key, MAX_TEXT_CHARS), cut(member, levels - 1)])
  if (entries.length > MAX_ITEMS) kept.push(['…', `${entries.length - MAX_ITEMS} more`])
  return Object.fromEntries(kept)
}

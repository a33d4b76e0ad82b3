const FIRST_MS = 5000
const LONGEST_MS = 3_600_000
/** The longest wait that a receiver may request. */
const LONGEST_ASKED_MS = 24 * 3_600_000

/**
 * The delay after this many failed attempts in a row, ms: 5 s, doubled each time up to an hour. At least half of it is
 * kept; `random` (0 to 1) scales the rest, so that receivers that failed together are not retried together.
 * `askedMs`: the delay that the receiver requested, used as a minimum.
 */
export function backoffMs(attempts: number, random: number, askedMs = 0): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempts - 1, 30))
  return Math.max(Math.round(full * (0.5 + random / 2)), Math.min(askedMs, LONGEST_ASKED_MS))
}

/** Parses a `Retry-After` header, seconds or a date, to ms from `now`; undefined if it is neither. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000
  const at = /[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

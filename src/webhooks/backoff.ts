const FIRST_MS = 5000
const LONGEST_MS = 3_600_000
/** The longest wait that a receiver is believed. */
const LONGEST_ASKED_MS = 24 * 3_600_000

/**
 * How long to wait after so many failed attempts in a row, ms: 5 s, doubled each time up to an hour, of which at least
 * half. The rest is up to `random` (0 to 1), so that receivers that failed together are not tried together.
 * `askedMs`: what the receiver asked for is waited at least.
 */
export function backoffMs(attempts: number, random: number, askedMs = 0): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempts - 1, 30))
  return Math.max(Math.round(full * (0.5 + random / 2)), Math.min(askedMs, LONGEST_ASKED_MS))
}

/** The header `Retry-After`, seconds or a date, in ms from `now`; undefined if it is neither. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000
  const at = /[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

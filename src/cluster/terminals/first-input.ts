import type { Clock } from '../../clock.ts'

/** The clocks of two nodes never differ by more than this. */
const MOST_SKEW_MS = 24 * 60 * 60_000

/**
 * The number from which the active node of this term numbers input. Agents drop input with a lower number than they
 * received before, so the numbers of a later term must be higher, whatever its clock says.
 */
export const firstInputOf = (term: number, clock: Pick<Clock, 'now'>): number => clock.now() + term * MOST_SKEW_MS

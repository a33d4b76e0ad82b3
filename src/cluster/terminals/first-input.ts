import type { Clock } from '../../clock.ts'

/** No two nodes' clocks are further apart. */
const MOST_SKEW_MS = 24 * 60 * 60_000

/**
 * The number from which the active node of this term counts what is typed. Agents drop what has a lower number than what
 * they were sent before, so those of a later term are higher whatever its clock says.
 */
export const firstInputOf = (term: number, clock: Pick<Clock, 'now'>): number => clock.now() + term * MOST_SKEW_MS

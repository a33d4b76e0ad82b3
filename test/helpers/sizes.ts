interface Sizes {
  /** In `npm test`: small, and still large enough to fail when what it tests breaks. */
  quick: number
  /** Where FULL is 1: in `npm run test:full`, and before a change lands. */
  full: number
}

/** Everything at its full size. */
export const isFull = process.env.FULL === '1'

/** The size of a test. A variable of its name sets it by itself: `KILL_SERVER=20 node dist/test/e2e/kill-loop.test.js`. */
export const size = (name: string, { quick, full }: Sizes): number =>
  Number(process.env[name] ?? (isFull ? full : quick))

/** A seed that can be given again: `SEED=… node dist/test/….test.js`. */
export const seed = (): number => Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))

/**
 * Of cases that are alike: in `npm test` so many, spread over all of them, the first among them; all where FULL is 1.
 * A variable of the name says how many: `USAGE=21 node dist/test/src/cli/usage.test.js`.
 */
export function some<T>(name: string, quick: number, cases: readonly T[]): T[] {
  const count = Math.min(size(name, { quick, full: cases.length }), cases.length)
  return Array.from({ length: count }, (_, i) => cases[Math.floor((i * cases.length) / count)]!)
}

/** Of a test that tries, at the price of seconds, what another tries too: run where FULL is 1. */
export const inFull = { skip: isFull ? false : 'in a full run' } as const

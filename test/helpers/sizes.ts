interface Sizes {
  /** In `npm test`: small, but large enough to fail when the code under test breaks. */
  quick: number
  /** If FULL is 1: in `npm run test:full`, and before a change lands. */
  full: number
}

/** All tests run at full size. */
export const isFull = process.env.FULL === '1'

/** The size of a test. A variable of this name overrides it: `KILL_SERVER=20 node dist/test/e2e/kill-loop.test.js`. */
export const size = (name: string, { quick, full }: Sizes): number =>
  Number(process.env[name] ?? (isFull ? full : quick))

/** A random seed, or the given one to repeat a run: `SEED=… node dist/test/….test.js`. */
export const seed = (): number => Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))

/**
 * Selects from similar cases: in `npm test` the first and others spread over all cases, `quick` in total; all if FULL
 * is 1. A variable of this name overrides how many: `USAGE=21 node dist/test/src/cli/usage.test.js`.
 */
export function some<T>(name: string, quick: number, cases: readonly T[]): T[] {
  const count = Math.min(size(name, { quick, full: cases.length }), cases.length)
  return Array.from({ length: count }, (_, i) => cases[Math.floor((i * cases.length) / count)]!)
}

/** Options for a test that needs seconds for what another test covers too: it runs only if FULL is 1. */
export const inFull = { skip: isFull ? false : 'in a full run' } as const

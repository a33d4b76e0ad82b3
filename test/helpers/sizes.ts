interface Sizes {
  /** In `npm test`: small, and still large enough to fail when what it tests breaks. */
  quick: number
  /** Where FULL is 1: in `npm run test:full`, and before a change lands. */
  full: number
}

/** The size of a test. A variable of its name sets it by itself: `KILL_SERVER=20 node dist/test/e2e/kill-loop.test.js`. */
export const size = (name: string, { quick, full }: Sizes): number =>
  Number(process.env[name] ?? (process.env.FULL === '1' ? full : quick))

/** A seed that can be given again: `SEED=… node dist/test/….test.js`. */
export const seed = (): number => Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))

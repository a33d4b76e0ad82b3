/** The size of a test: small where it always runs, from the environment where somebody wants it in full. */
export const size = (name: string, small: number): number => Number(process.env[name] ?? small)

/** A seed that can be given again: `SEED=… npx tap run …`. */
export const seed = (): number => size('SEED', Math.floor(Math.random() * 2 ** 31))

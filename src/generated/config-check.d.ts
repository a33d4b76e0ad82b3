// Written by scripts/generate-config-check.ts when the package is built.

/** Judges settings and makes them a configuration, in place. */
export const check: {
  (settings: Record<string, unknown>): boolean
  errors?: readonly { instancePath: string; message?: string }[] | null
}
/** The names of all settings. */
export const names: string[]
/** Of those that are lists. */
export const lists: string[]

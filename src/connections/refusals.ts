/** The limits. Each is a setting, and a label of `fleetwire_refused_total`. */
export const limits = [
  'frames_per_connection',
  'frames_per_principal',
  'frames_per_address',
  'connections',
  'connections_per_principal',
  'upgrades_per_principal',
  'upgrades_per_address',
  'admission',
  'rest_per_principal',
  'rest_per_address',
  'false_tokens_per_address',
  'ag_ui_streams_per_principal',
] as const
export type Limit = (typeof limits)[number]

/** Counts the refusals per limit, to show operators which limit is too tight or under attack. */
export class Refusals {
  readonly #counts = new Map<Limit, number>(limits.map(limit => [limit, 0]))

  add(limit: Limit): void {
    this.#counts.set(limit, (this.#counts.get(limit) ?? 0) + 1)
  }

  counts(): ReadonlyMap<Limit, number> {
    return this.#counts
  }
}

import type { DashboardEvent, SnapshotRecord } from '@fleetwire/client'
import { Feed } from './feed.ts'

const MAX_POINTS = 600
const NONE: readonly number[] = []

/** The latest points of each metric of one agent. */
export class MetricsFeed extends Feed {
  readonly #points = new Map<string, readonly number[]>()
  #pending: Record<string, unknown>[] = []

  points(key: string): readonly number[] {
    return this.#points.get(key) ?? NONE
  }

  get keys(): string[] {
    return [...this.#points.keys()]
  }

  protected replace(records: readonly SnapshotRecord[]): void {
    // A snapshot has only the newest points, which continue the curve: there is no history to replace it with.
    for (const { type, payload } of records) if (type === 'agent:metrics') this.#pending.push(payload)
  }

  protected note({ type, payload }: DashboardEvent): boolean {
    if (type !== 'agent:metrics') return false
    this.#pending.push(payload as Record<string, unknown>)
    return true
  }

  protected apply(): void {
    const added = new Map<string, number[]>()
    for (const payload of this.#pending) {
      for (const [key, value] of Object.entries(payload)) {
        if (typeof value !== 'number') continue
        const values = added.get(key)
        if (values === undefined) added.set(key, [value])
        else values.push(value)
      }
    }
    this.#pending = []
    for (const [key, values] of added) this.#points.set(key, [...this.points(key), ...values].slice(-MAX_POINTS))
  }

  protected staleness(): void {}
}

import { committedRecord, storedRecord } from './entries.ts'
import type { LogRecord, SnapshotScope } from './event-log.ts'
import { matchesAny } from './pattern-plan.ts'
import { isSettled } from './record-key.ts'
import type { Failure, WorkerClient } from './sqlite-client.ts'
import type { Change } from './sqlite-group-commit.ts'
import type { ScanPosition } from './sqlite-messages.ts'

/** Record changes committed during a scan, the last one per topic. */
type Overlay = Map<string, Change>

/**
 * Takes all matching records as of one position in the order, without making appends wait for the whole scan. The scan
 * goes step by step, commits happen in between, and their changes are applied to the result at the end. Replies come in
 * the order of the work, so the last one includes exactly the commits delivered so far.
 */
export class Snapshots {
  readonly #client: WorkerClient
  readonly #overlays = new Set<Overlay>()

  constructor(client: WorkerClient) {
    this.#client = client
  }

  /** Must be called with each transaction, in order. */
  note(changes: readonly Change[]): void {
    for (const overlay of this.#overlays) {
      for (const change of changes) if (change.record !== undefined) overlay.set(change.event.topic, change)
    }
  }

  /** `onDone` is called in the same turn in which the records match the head. */
  take(
    patterns: readonly string[],
    scope: SnapshotScope,
    onDone: (outcome: { status: 'ok'; records: LogRecord[] } | Failure) => void,
  ): void {
    const overlay: Overlay = new Map()
    this.#overlays.add(overlay)
    const records = new Map<string, LogRecord>()
    const step = (from: ScanPosition | null) =>
      this.#client.call('scan', { patterns, scope, from }, outcome => {
        if (outcome.status === 'error') {
          this.#overlays.delete(overlay)
          onDone(outcome)
          return
        }
        for (const stored of outcome.value.records) records.set(stored.topic, storedRecord(stored))
        if (outcome.value.next !== null) return step(outcome.value.next)
        this.#overlays.delete(overlay)
        for (const change of overlay.values()) lay(change, patterns, scope, records)
        onDone({ status: 'ok', records: [...records.values()] })
      })
    step(null)
  }
}

function lay(
  { event, record }: Change,
  patterns: readonly string[],
  scope: SnapshotScope,
  records: Map<string, LogRecord>,
): void {
  const belongs = scope === 'all' || !isSettled(event.payload)
  if (record === 'set' && belongs && matchesAny(patterns, event.topic, event.taskId)) {
    records.set(event.topic, committedRecord(event))
  } else {
    // Deleted, settled, or no longer part of the task by which it was found.
    records.delete(event.topic)
  }
}

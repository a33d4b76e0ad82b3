import { conflictOf } from '../../log/sqlite-drafts.ts'
import type { AppendOp, Committed, StoredRecord } from '../../log/sqlite-messages.ts'

/** The topics whose current records a decision needs. */
export function topicsToDecide(ops: readonly AppendOp[]): string[] {
  return [...new Set(ops.flatMap(({ expects = [], drafts }) => expects.map(({ draft }) => drafts[draft]!.topic)))]
}

export interface Decision {
  /** Per operation: the seq of its first draft, or the current record of the first draft that expected another version. */
  results: Committed['results']
  /** What is to be written, in order, without expectations. */
  accepted: AppendOp[]
  /** The last seq assigned. */
  head: number
}

/**
 * Judges operations in order, each against the records that those before it leave: like the writer of the embedded log
 * within its transaction, but without writing anything. `current` has the records of `topicsToDecide`.
 */
export function decide(
  ops: readonly AppendOp[],
  current: ReadonlyMap<string, StoredRecord | undefined>,
  head: number,
): Decision {
  const records = new Map(current)
  const accepted: AppendOp[] = []
  const results = ops.map((op): Committed['results'][number] => {
    const conflict = conflictOf(op, topic => records.get(topic))
    // Each caller gets its own copy, which is later converted in place to what callers see.
    if (conflict !== undefined) return { current: conflict.current && { ...conflict.current } }
    const { at, drafts } = op
    const first = head + 1
    for (const { topic, type, json, record } of drafts) {
      head++
      if (record === undefined || !records.has(topic)) continue
      records.set(topic, record === null ? undefined : { topic, type, at, version: head, json })
    }
    accepted.push({ at, drafts })
    return first
  })
  return { results, accepted, head }
}

import type { AppendOp, PackedAppends, StoredDraft } from './sqlite-messages.ts'

/** What a draft does to the record of its topic. `MARK` sets a record that has none of the fields that filters use. */
const [NONE, DELETE, MARK, SET] = [0, 1, 2, 3]
/** How operations without expectations have always been encoded, including in cluster streams. */
const NO_EXPECTATIONS = -1

export function packAppends(ops: readonly AppendOp[]): PackedAppends {
  const packed: PackedAppends = []
  for (const { at, expects, drafts } of ops) {
    packed.push(at, expects?.length ?? NO_EXPECTATIONS)
    for (const { draft, version } of expects ?? []) packed.push(draft, version)
    packed.push(drafts.length)
    for (const draft of drafts) {
      packed.push(draft.type, draft.topic, draft.json, draft.taskId, draft.agentId)
      packRecord(packed, draft.record)
    }
  }
  return packed
}

function packRecord(packed: PackedAppends, record: StoredDraft['record']): void {
  if (record === undefined) packed.push(NONE)
  else if (record === null) packed.push(DELETE)
  else {
    const { agentId, status, taskId, parentId, createdAt, expiresAt } = record
    const isFound = agentId !== null || status !== null || taskId !== null || parentId !== null || createdAt !== null
    if (isFound) packed.push(SET, agentId, status, taskId, parentId, createdAt, expiresAt)
    else packed.push(MARK, expiresAt)
  }
}

export function unpackAppends(packed: PackedAppends): AppendOp[] {
  const ops: AppendOp[] = []
  let i = 0
  // Each value has the type that `packAppends` wrote at its position.
  const next = <T>() => packed[i++] as T
  while (i < packed.length) {
    const at = next<number>()
    const expects: NonNullable<AppendOp['expects']> = []
    for (let left = next<number>(); left > 0; left--) expects.push({ draft: next(), version: next() })
    const drafts: StoredDraft[] = []
    for (let left = next<number>(); left > 0; left--) {
      const draft: StoredDraft = {
        type: next(),
        topic: next(),
        json: next(),
        taskId: next(),
        agentId: next(),
      }
      const record = unpackRecord(next)
      if (record !== undefined) draft.record = record
      drafts.push(draft)
    }
    ops.push(expects.length === 0 ? { at, drafts } : { at, expects, drafts })
  }
  return ops
}

function unpackRecord(next: <T>() => T): StoredDraft['record'] {
  switch (next<number>()) {
    case NONE:
      return undefined
    case DELETE:
      return null
    case MARK:
      return { agentId: null, status: null, taskId: null, parentId: null, createdAt: null, expiresAt: next() }
    default:
      return {
        agentId: next(),
        status: next(),
        taskId: next(),
        parentId: next(),
        createdAt: next(),
        expiresAt: next(),
      }
  }
}

import { isTooDeep } from './entry-depth.ts'
import type { EventDraft } from './event-log.ts'
import { recordFields, recordIdentity } from './record-key.ts'
import type { AppendOp, StoredDraft, StoredRecord } from './sqlite-messages.ts'

/**
 * Converts drafts to the form that the worker stores. Throws TypeError for drafts that break the interface. Detected
 * here, such a fault fails only its caller; detected in the worker, it would fail the whole transaction.
 */
export function appendOp(drafts: readonly EventDraft[], at: number): AppendOp {
  const op: AppendOp = { at, drafts: drafts.map(storedDraft) }
  for (const [i, { expect }] of drafts.entries()) {
    if (expect === undefined) continue
    if (!isCount(expect)) throw new TypeError(`Not a record version: ${expect}`)
    op.expects ??= []
    op.expects.push({ draft: i, version: expect })
  }
  return op
}

/** The current record of the first draft that expects another version; undefined if all expectations hold. */
export function conflictOf(
  { expects, drafts }: AppendOp,
  currentOf: (topic: string) => StoredRecord | undefined,
): { current: StoredRecord | undefined } | undefined {
  if (expects === undefined) return undefined
  for (const { draft, version } of expects) {
    const current = currentOf(drafts[draft]!.topic)
    if ((current?.version ?? 0) !== version) return { current }
  }
  return undefined
}

function storedDraft({ type, topic, payload, taskId, agentId, record, expiresAt }: EventDraft): StoredDraft {
  if (typeof type !== 'string' || typeof topic !== 'string' || topic === '') {
    throw new TypeError('A draft needs a type and a topic')
  }
  if (taskId !== undefined && typeof taskId !== 'string') throw new TypeError(`Not a task id: ${taskId}`)
  if (agentId !== undefined && typeof agentId !== 'string') throw new TypeError(`Not an agent id: ${agentId}`)
  if (expiresAt !== undefined && !isCount(expiresAt)) throw new TypeError(`Not a time in epoch ms: ${expiresAt}`)
  if (record !== undefined && recordIdentity(topic) === undefined) {
    throw new TypeError(`Topics like ${topic} hold no records`)
  }
  const json = toJson(payload)
  if (isTooDeep(json)) throw new TypeError(`The payload of ${type} on ${topic} is nested too deep to be delivered`)
  const draft: StoredDraft = { type, topic, json, taskId: taskId ?? null, agentId: agentId ?? null }
  if (record === 'set') draft.record = { ...recordFields(payload), expiresAt: expiresAt ?? null }
  else if (record === 'delete') draft.record = null
  return draft
}

/** Values that JSON cannot express (undefined, a function) become null, as they do within an array. */
function toJson(payload: unknown): string {
  return (JSON.stringify(payload) as string | undefined) ?? 'null'
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

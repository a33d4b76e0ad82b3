import { recordKind, settledStatuses } from '@fleetwire/protocol'

/** The key of a record in lists: pages of one `kind` are ordered by `id`. */
export interface RecordIdentity {
  kind: string
  id: string
}

/** Kind and id of the record that a topic holds; undefined if topics of that shape hold none. */
export function recordIdentity(topic: string): RecordIdentity | undefined {
  const tokens = topic.split('.')
  if (topic.startsWith('$')) return { kind: tokens[0]!, id: tokens.at(-1)! }
  const kind = recordKind(topic)
  if (kind === undefined) return undefined
  return { kind, id: tokens[kind === 'agent' || kind === 'task' ? 1 : 3]! }
}

/** The fields by which records are filtered: top-level fields of the payload, null if absent or of another type. */
export interface RecordFields {
  agentId: string | null
  /** `status`, or `state` for the kinds that use that name (interactions). */
  status: string | null
  taskId: string | null
  /** `parentId`, or `parentTaskId` for tasks. */
  parentId: string | null
  /** Epoch ms. */
  createdAt: number | null
}

export function recordFields(payload: unknown): RecordFields {
  const fields = (typeof payload === 'object' && payload !== null ? payload : {}) as Record<string, unknown>
  return {
    agentId: text(fields.agentId),
    status: text(fields.status) ?? text(fields.state),
    taskId: text(fields.taskId),
    parentId: text(fields.parentId) ?? text(fields.parentTaskId),
    createdAt: Number.isSafeInteger(fields.createdAt) ? (fields.createdAt as number) : null,
  }
}

/** Whether nothing more will happen to the record: see settledStatuses. */
export function isSettled(payload: unknown): boolean {
  const { status } = recordFields(payload)
  return status !== null && settledStatuses.has(status)
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

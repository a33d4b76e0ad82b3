import { topics } from '@fleetwire/protocol'
import type { Actor } from '../caller.ts'
import { draftOf } from './draft.ts'
import type { EventDraft } from './event-log.ts'

/** Actions of people and backends that others may ask about later. */
export type AuditAction =
  | `command:${'interrupt' | 'retry' | 'edit' | 'drop'}`
  | 'batch:stop'
  | `task:${'create' | 'replace' | 'edit' | 'delete' | 'start' | 'pause' | 'complete' | 'fail' | 'cancel'}`
  | 'interaction:answer'
  | `agent:${'remove' | 'disconnect'}`
  | 'connection:close'
  | `token:${'mint' | 'revoke'}`
  | 'subject:revoke'
  | `webhook:${'create' | 'edit' | 'delete' | 'rotate' | 'test' | 'redeliver'}`
  | 'login:code'
  | 'login:use'

/**
 * The draft of `audit:recorded`, appended together with the change, so that neither exists without the other. `what` is
 * the id of the changed entity; the draft holds nothing else of the request, since requests may hold secrets. Without
 * an actor (code in this process) nothing is recorded.
 */
export function auditDrafts(actor: Actor | undefined, action: AuditAction, what: string, at: number): EventDraft[] {
  return actor === undefined ? [] : [draftOf('audit:recorded', topics.audit, { ...actor, action, what, at })]
}

import { topics } from '@fleetwire/protocol'
import type { Actor } from '../caller.ts'
import { draftOf } from './draft.ts'
import type { EventDraft } from './event-log.ts'

/** What people and backends do that others may ask about later. */
export type AuditAction =
  | `command:${'interrupt' | 'retry' | 'edit' | 'drop'}`
  | 'batch:stop'
  | `task:${'create' | 'replace' | 'edit' | 'delete' | 'start' | 'pause' | 'complete' | 'fail' | 'cancel'}`
  | 'interaction:answer'
  | `agent:${'remove' | 'disconnect'}`
  | 'connection:close'
  | `token:${'mint' | 'revoke'}`
  | 'subject:revoke'
  | 'login:code'
  | 'login:use'

/**
 * The draft of `audit:recorded`, to be appended with the change that it tells of, so that neither is there without the
 * other. `what` is the id of what was changed; nothing of the request is in it, for requests hold secrets. Without an
 * actor (code in this process) there is nothing to record.
 */
export function auditDrafts(actor: Actor | undefined, action: AuditAction, what: string, at: number): EventDraft[] {
  return actor === undefined ? [] : [draftOf('audit:recorded', topics.audit, { ...actor, action, what, at })]
}

import fp from 'fastify-plugin'
import type { Actor } from '../src/caller.ts'
import { type AuditAction, auditDrafts } from '../src/log/audit.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Records what changes nothing in the log: a socket that is closed. Resolves when it is on disk; where the log cannot
     * accept, the line in the process's own log has to do, for a kick must not wait for a disk.
     */
    audit(actor: Actor, action: AuditAction, what: string): Promise<void>
  }
}

/** The audit trail: each event of it is a line in the process's log too, for who reads only that. */
export default fp(
  async app => {
    const { clock, eventLog } = app
    const unfollow = eventLog.follow(events => {
      for (const { type, topic, payload } of events) {
        if (type === 'audit:recorded' && topic === 'system.audit') app.log.info({ audit: payload }, 'audit')
      }
    })
    app.decorate('audit', async (actor, action, what) => {
      const appended = await eventLog.append(auditDrafts(actor, action, what, clock.now()))
      if (appended.status !== 'ok') app.log.warn({ audit: { ...actor, action, what } }, 'audit, not in the log')
    })
    app.addHook('onClose', async () => unfollow())
  },
  { name: 'fleetwire-audit', dependencies: ['fleetwire-event-log'] },
)

import fp from 'fastify-plugin'
import type { Actor } from '../src/caller.ts'
import { type AuditAction, auditDrafts } from '../src/log/audit.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Records an action that changes nothing in the log, such as closing a connection. Resolves once it is on disk. If
     * the log does not accept it, a line in the process log replaces it: closing a connection must not wait for a disk.
     */
    audit(actor: Actor, action: AuditAction, what: string): Promise<void>
  }
}

/** The audit trail. Each audit event is also a line in the process log (in a cluster, that of the active node). */
export default fp(
  async app => {
    const { clock, cluster, eventLog } = app
    const unfollow = eventLog.follow(events => {
      if (cluster?.isActive === false) return
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
  { name: 'fleetwire-audit', dependencies: ['fleetwire-cluster', 'fleetwire-event-log'] },
)

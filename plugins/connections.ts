import fp from 'fastify-plugin'
import { Revocations } from '../src/auth/revocations.ts'
import { ConnectionAnnouncer } from '../src/connections/connection-announcer.ts'
import { ConnectionRegistry } from '../src/connections/connection-registry.ts'
import { FlushScheduler } from '../src/connections/flush-scheduler.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Every open connection of this process. */
    connections: ConnectionRegistry
    /** Batches the frames sent in one turn of the event loop into one write per connection. */
    flusher: FlushScheduler
  }
}

export default fp(
  async app => {
    const { config, clock, cluster, eventLog, tokens, refusals } = app
    const flusher = new FlushScheduler({ clock, flushMs: config.FLUSH_MS })
    const connections = new ConnectionRegistry({
      clock,
      logger: app.log,
      announcer: new ConnectionAnnouncer({ log: eventLog, clock, logger: app.log }),
      flusher,
      refusals,
      limits: {
        frameRate: config.FRAME_RATE,
        frameBurst: config.FRAME_BURST,
        agentFrameRate: config.AGENT_FRAME_RATE,
        frameRatePerPrincipal: config.FRAME_RATE_PER_PRINCIPAL,
        frameRatePerAddress: config.FRAME_RATE_PER_ADDRESS,
        outboxLimitBytes: config.OUTBOX_LIMIT_BYTES,
        maxConnections: config.MAX_CONNECTIONS,
        maxConnectionsPerPrincipal: config.MAX_CONNECTIONS_PER_PRINCIPAL,
      },
    })
    const unsubscribe = tokens.onRevoked(revocation => {
      const revoked = new Revocations()
      revoked.add(revocation)
      connections.closeWhere(principal => revoked.has(principal), 4401, 'token revoked')
    })
    // Other nodes can serve these clients, which would not learn otherwise that this node is cut off.
    const unlisten = cluster?.onRole(() => {
      if (cluster.isCutOff) connections.closeEach('node cut off').catch(err => app.log.error({ err }, 'not closed'))
    })
    app.decorate('flusher', flusher)
    app.decorate('connections', connections)
    app.addHook('onClose', async () => {
      unsubscribe()
      unlisten?.()
      flusher.stop()
    })
  },
  { name: 'fleetwire-connections', dependencies: ['fleetwire-event-log', 'fleetwire-jwt', 'fleetwire-rate-limit'] },
)

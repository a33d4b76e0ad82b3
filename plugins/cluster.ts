import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { wireError } from '@fleetwire/protocol'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { ClusterNode, Service } from '../src/cluster/cluster-node.ts'
import { nodeAddress, nodeName, tokenKeyId } from '../src/cluster/node-identity.ts'
import type { RunningNode } from '../src/cluster/running-node.ts'
import type { Config } from '../src/config.ts'
import { listOf } from '../src/environment.ts'
import type { StartWorker } from '../src/log/sqlite-client.ts'
import { retentionOf } from '../src/open-log.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** This process as a node of a cluster; undefined without a cluster. */
    cluster: ClusterNode | undefined
    /**
     * Runs a service that makes decisions: without a cluster, from now until the app closes; in a cluster, whenever
     * this node is the active one.
     */
    whileActive(service: Service): Promise<void>
  }
  interface FastifyContextConfig {
    /** The route is served even while this node is cut off from its cluster. */
    whileCutOff?: boolean
  }
}

async function openNode(app: FastifyInstance, config: Config, startWorker?: StartWorker): Promise<RunningNode> {
  const { openNatsNode } = await import('../src/cluster/nats/nats-node.ts')
  return openNatsNode({
    servers: listOf(config.NATS_URL),
    credsFile: config.NATS_CREDS,
    caFile: config.NATS_CA,
    certFile: config.NATS_CERT,
    keyFile: config.NATS_KEY,
    namespace: config.NAMESPACE,
    replicas: config.NATS_REPLICAS,
    monitors: listOf(config.NATS_MONITOR_URL),
    requiresFsync: config.NATS_REQUIRE_FSYNC,
    node: nodeName(config),
    tokenKeyId: tokenKeyId(config.JWT_SECRET ?? config.JWT_PUBLIC_KEY ?? config.JWKS_URL ?? ''),
    // Separate from the log of a process without a cluster, which is not touched.
    dir: resolve(config.DATA_DIR, 'replica'),
    clock: app.clock,
    retention: retentionOf(config),
    startWorker,
    onFault: error => app.log.error({ err: error }, 'cluster'),
    onNote: message => app.log.warn(message),
    onDurability: durability => app.log.info({ durability }, 'cluster'),
  })
}

/** A node that the caller created and will close. */
export type GivenNode = ClusterNode & Pick<RunningNode, 'addService'>

export interface ClusterOptions {
  cluster?: GivenNode | undefined
  startWorker?: StartWorker | undefined
}

const CUT_OFF = wireError('unavailable', 'This node is cut off from its cluster: try again to reach another node.', {
  retryAfterMs: 1000,
})

function join(app: FastifyInstance, node: GivenNode): void {
  app.decorate('cluster', node)
  app.decorate('whileActive', async service => node.addService(service))
  app.addHook('onRequest', (request, reply, done) => {
    if (!node.isCutOff || request.routeOptions.config.whileCutOff === true) return done()
    // Another request on the socket of an upgrade would never be read.
    if (request.headers.upgrade !== undefined) reply.raw.shouldKeepAlive = false
    reply.refuse(CUT_OFF)
  })
}

export default fp<ClusterOptions>(
  async (app, { cluster, startWorker }) => {
    const { config } = app
    if (cluster !== undefined) {
      join(app, cluster)
      return
    }
    if (config.NATS_URL === undefined) {
      app.decorate('cluster', undefined)
      app.decorate('whileActive', async service => {
        await service.start()
        app.addHook('onClose', async () => service.stop())
      })
      return
    }
    const node = await openNode(app, config, startWorker)
    join(app, node)
    app.addHook('onListen', async () => node.start(nodeAddress(config, app.server.address() as AddressInfo)))
    app.addHook('preClose', () => node.handOver())
    app.addHook('onClose', () => node.close())
  },
  { name: 'fleetwire-cluster', dependencies: ['fleetwire-lifecycle'] },
)

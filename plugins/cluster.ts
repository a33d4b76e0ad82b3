import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { ClusterNode, Service } from '../src/cluster/cluster-node.ts'
import { nodeAddress, nodeName } from '../src/cluster/node-identity.ts'
import type { RunningNode } from '../src/cluster/running-node.ts'
import type { Config } from '../src/config.ts'
import { retentionOf } from '../src/open-log.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** This process as a node of a cluster; undefined where its log is its own. */
    cluster: ClusterNode | undefined
    /**
     * Runs what decides: from now on to the close where the log is this process's own, and in a cluster whenever this node
     * is the active one.
     */
    whileActive(service: Service): Promise<void>
  }
}

async function openNode(app: FastifyInstance, config: Config): Promise<RunningNode> {
  const { openNatsNode } = await import('../src/cluster/nats-node.ts')
  return openNatsNode({
    servers: config.NATS_URL!,
    credsFile: config.NATS_CREDS,
    caFile: config.NATS_CA,
    certFile: config.NATS_CERT,
    keyFile: config.NATS_KEY,
    namespace: config.NAMESPACE,
    replicas: config.NATS_REPLICAS,
    node: nodeName(config),
    // Beside a log of this process's own, which is not touched.
    dir: join(config.DATA_DIR, 'replica'),
    clock: app.clock,
    retention: retentionOf(config),
    onFault: error => app.log.error({ err: error }, 'cluster'),
    onNote: message => app.log.warn(message),
  })
}

/** A node that the caller made, and ends. */
export type GivenNode = ClusterNode & Pick<RunningNode, 'addService'>

export interface ClusterOptions {
  cluster?: GivenNode | undefined
}

export default fp<ClusterOptions>(
  async (app, { cluster }) => {
    const { config } = app
    if (cluster !== undefined) {
      app.decorate('cluster', cluster)
      app.decorate('whileActive', async service => cluster.addService(service))
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
    const node = await openNode(app, config)
    app.decorate('cluster', node)
    app.decorate('whileActive', async service => node.addService(service))
    app.addHook('onListen', async () => node.start(nodeAddress(config, app.server.address() as AddressInfo)))
    app.addHook('preClose', () => node.handOver())
    app.addHook('onClose', () => node.close())
  },
  { name: 'fleetwire-cluster', dependencies: ['fleetwire-lifecycle'] },
)

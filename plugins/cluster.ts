import fp from 'fastify-plugin'
import type { ClusterNode } from '../src/cluster/cluster-node.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** This process as a node of a cluster; undefined where its log is its own. */
    cluster: ClusterNode | undefined
  }
}

export default fp(
  async app => {
    app.decorate('cluster', undefined)
  },
  { name: 'fleetwire-cluster' },
)

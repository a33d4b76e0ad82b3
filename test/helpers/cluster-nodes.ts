import type { Test } from 'tap'
import { SECRET } from './build.ts'
import { temporaryFolder } from './log-folder.ts'
import type { NatsCluster } from './nats-cluster.ts'
import { fleetwire, type Running } from './processes.ts'
import { until } from './until.ts'

export interface NodeProcess extends Running {
  readonly name: string
  /** Resolves when it listens. */
  readonly url: Promise<string>
  /** What it is restarted with: the same folder, another port. */
  readonly env: Record<string, string>
}

/** A node of a cluster as a process of its own, on a free port. */
export function serveNode(t: Test, nats: NatsCluster, name: string, env: Record<string, string> = {}): NodeProcess {
  const all = {
    FLEETWIRE_NATS_URL: nats.addresses.join(','),
    FLEETWIRE_NODE: name,
    FLEETWIRE_PORT: '0',
    FLEETWIRE_JWT_SECRET: SECRET,
    FLEETWIRE_DATA_DIR: temporaryFolder(t),
    ...env,
  }
  const running = fleetwire(t, ['serve'], all)
  const url = running.printed(/Fleetwire listens at (\S+)/).then(([, url]) => url!)
  url.catch(() => {})
  return Object.assign(running, { name, url, env: all })
}

/** The one that says that it is active. */
export const activeOf = (nodes: readonly NodeProcess[]): Promise<NodeProcess> =>
  until(async () => {
    const active = nodes.find(node => node.output().includes('this node is the active one'))
    await active?.url
    return active
  })

import type { Test } from 'tap'
import type { EventLog } from '../../../src/log/event-log.ts'
import { FleetCluster } from '../fleet-cluster.ts'
import { Ledger, type Load } from '../ledger.ts'
import type { Network } from '../network.ts'

/** A fault that happens to a cluster, repeatedly if configured. */
export interface Fault {
  /** The title of the test. */
  readonly title: string
  /** The load during the fault, if the cluster has no other faults. */
  readonly load: Load
  /** Additional dashboards that watch one agent count. */
  readonly viewers?: number
  /** Writes the fleet's initial data before its nodes start. */
  readonly fill?: (log: EventLog) => Promise<void>
  /** Each node and each server needs its own network. */
  readonly cutsLinks?: true
  play(t: Test, stage: Stage): Promise<void>
}

/** A cluster under load. */
export interface Stage {
  cluster: FleetCluster
  ledger: Ledger
  /** Undefined if no links are cut, or if no network can be created. */
  network: Network | undefined
}

export const SERVERS = ['n1', 'n2', 'n3']
export const NODES = ['node-1', 'node-2', 'node-3']
export const HOSTS = [...SERVERS, ...NODES]

/** Starts a cluster under load. Resolves with undefined if there is no nats-server. */
export async function startStage(
  t: Test,
  { load, viewers = 0, fill }: Omit<Fault, 'title' | 'play'>,
  network?: Network,
): Promise<Stage | undefined> {
  const places = (hosts: string[]) => network && hosts.map(host => network.place(host))
  const [nodes, servers] = [places(NODES), places(SERVERS)]
  const options = { ...(nodes && { nodes }), ...(servers && { servers }), ...(fill && { fill }) }
  const cluster = await FleetCluster.start(t, options)
  if (cluster === undefined) return undefined
  const ledger = await Ledger.start(t, { url: cluster.url, token: cluster.token.bind(cluster), ...load })
  await ledger.watch(t, viewers)
  return { cluster, ledger, network }
}

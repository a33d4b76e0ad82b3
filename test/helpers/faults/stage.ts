import type { Test } from 'tap'
import type { EventLog } from '../../../src/log/event-log.ts'
import { FleetCluster } from '../fleet-cluster.ts'
import { Ledger, type Load } from '../ledger.ts'
import type { Network } from '../network.ts'

/** Something that befalls a cluster, again and again where that is asked for. */
export interface Fault {
  /** As a test says it. */
  readonly title: string
  /** What is at work meanwhile, where nothing else befalls the same cluster. */
  readonly load: Load
  /** Dashboards beside those of the load that watch one agent count. */
  readonly viewers?: number
  /** Writes what the fleet has before its nodes start. */
  readonly fill?: (log: EventLog) => Promise<void>
  /** Each node and each server needs a network of its own. */
  readonly cutsLinks?: true
  play(t: Test, stage: Stage): Promise<void>
}

/** A cluster under load. */
export interface Stage {
  cluster: FleetCluster
  ledger: Ledger
  /** Undefined where no link is cut, and where no network can be made. */
  network: Network | undefined
}

export const SERVERS = ['n1', 'n2', 'n3']
export const NODES = ['node-1', 'node-2', 'node-3']
export const HOSTS = [...SERVERS, ...NODES]

/** Starts what faults befall; undefined where there is no nats-server. */
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

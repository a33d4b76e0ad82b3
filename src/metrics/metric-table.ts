import type { CommandCensus } from '../commands/command-census.ts'

/** The sources that metrics are read from on demand; nothing is counted a second time for them. */
export interface MetricSources {
  connections: {
    stats(): {
      byRole: Record<string, number>
      bufferedBytes: number
      mostBufferedBytes: number
      opened: number
      closedByCode: Record<string, number>
    }
  }
  broadcaster: {
    stats(): {
      subscribers: number
      deliveredEvents: number
      compressedEvents: number
      resumes: Record<string, number>
    }
  }
  upgrades: { waiting: number }
  refusals: { counts(): Iterable<readonly [limit: string, count: number]> }
  commandQueue: { stats(): CommandCensus }
  webhooks: { stats(): { states: Record<string, number>; attempts: Record<string, number>; oldestMs: number } }
  agents: { all(): Iterable<{ link: string }> }
  log: { usage(): { events: number; bytes: number; limitBytes: number } | undefined }
  /** This process as a node of a cluster; undefined without a cluster. */
  cluster:
    | {
        node: string
        isActive: boolean
        term: number
        position: number
        members: readonly { position: number }[]
      }
    | undefined
  /** Calls from this node to the active one, by outcome. */
  activeCalls: { stats(): Record<string, number> } | undefined
}

export type Sample = readonly [labelValue: string, value: number]

/** A counter only grows while the process lives; a gauge is a current value. Has one label, or none. */
export interface Metric {
  type: 'counter' | 'gauge'
  help: string
  label?: string
  /**
   * The metric is about the cluster as a whole: only the active node reports it, so that a sum over all nodes counts
   * nothing twice.
   */
  ofFleet?: true
  read(sources: MetricSources): Iterable<Sample>
}

const only = (value: number): Sample[] => [['', value]]

/** A metric of one cluster node, with the node's name as the label. */
const ofNode =
  (read: (cluster: NonNullable<MetricSources['cluster']>) => number): Metric['read'] =>
  ({ cluster }) =>
    cluster === undefined ? [] : [[cluster.node, read(cluster)]]

/** Every Fleetwire metric that is read on demand; docs/metrics.md has one row for each. */
export const metricTable: Record<string, Metric> = {
  fleetwire_connections: {
    type: 'gauge',
    help: 'Open sockets by role',
    label: 'role',
    read: ({ connections }) => Object.entries(connections.stats().byRole),
  },
  fleetwire_connections_opened_total: {
    type: 'counter',
    help: 'Sockets opened',
    read: ({ connections }) => only(connections.stats().opened),
  },
  fleetwire_connections_closed_total: {
    type: 'counter',
    help: 'Sockets closed, by close code',
    label: 'code',
    read: ({ connections }) => Object.entries(connections.stats().closedByCode),
  },
  fleetwire_outbox_bytes: {
    type: 'gauge',
    help: 'Bytes that wait for all clients',
    read: ({ connections }) => only(connections.stats().bufferedBytes),
  },
  fleetwire_outbox_largest_bytes: {
    type: 'gauge',
    help: 'Bytes that wait for the slowest client',
    read: ({ connections }) => only(connections.stats().mostBufferedBytes),
  },
  fleetwire_refused_total: {
    type: 'counter',
    help: 'Refusals, by the limit that was reached',
    label: 'limit',
    read: ({ refusals }) => refusals.counts(),
  },
  fleetwire_admission_waiting: {
    type: 'gauge',
    help: 'Upgrades that wait for their turn',
    read: ({ upgrades }) => only(upgrades.waiting),
  },
  fleetwire_subscribers: {
    type: 'gauge',
    help: 'Receivers with at least one subscription',
    read: ({ broadcaster }) => only(broadcaster.stats().subscribers),
  },
  fleetwire_events_delivered_total: {
    type: 'counter',
    help: 'Live events handed to receivers',
    read: ({ broadcaster }) => only(broadcaster.stats().deliveredEvents),
  },
  fleetwire_events_compressed_total: {
    type: 'counter',
    help: 'Live events that were compressed, each counted once',
    read: ({ broadcaster }) => only(broadcaster.stats().compressedEvents),
  },
  fleetwire_resumes_total: {
    type: 'counter',
    help: 'Resume requests, by result: resumed, or why not',
    label: 'result',
    read: ({ broadcaster }) => Object.entries(broadcaster.stats().resumes),
  },
  fleetwire_agents: { type: 'gauge', ofFleet: true, help: 'Known agents by link', label: 'link', read: countLinks },
  fleetwire_commands: {
    type: 'gauge',
    ofFleet: true,
    help: 'Commands that have not ended, by status',
    label: 'status',
    read: ({ commandQueue }) => commandQueue.stats().live.map(({ status, count }) => [status, count]),
  },
  fleetwire_command_oldest_seconds: {
    type: 'gauge',
    ofFleet: true,
    help: 'Age of the oldest command, by status',
    label: 'status',
    read: ({ commandQueue }) => commandQueue.stats().live.map(({ status, oldestMs }) => [status, oldestMs / 1000]),
  },
  fleetwire_commands_ended_total: {
    type: 'counter',
    ofFleet: true,
    help: 'Commands that ended, by status',
    label: 'status',
    read: ({ commandQueue }) => commandQueue.stats().ended,
  },
  fleetwire_webhooks: {
    type: 'gauge',
    ofFleet: true,
    help: 'Webhooks by state',
    label: 'state',
    read: ({ webhooks }) => Object.entries(webhooks.stats().states),
  },
  fleetwire_webhook_attempts_total: {
    type: 'counter',
    ofFleet: true,
    help: 'Attempts to deliver to webhooks, by outcome',
    label: 'outcome',
    read: ({ webhooks }) => Object.entries(webhooks.stats().attempts),
  },
  fleetwire_webhook_oldest_seconds: {
    type: 'gauge',
    ofFleet: true,
    help: 'Age of the oldest event that a webhook has not delivered yet',
    read: ({ webhooks }) => only(webhooks.stats().oldestMs / 1000),
  },
  fleetwire_log_bytes: {
    type: 'gauge',
    ofFleet: true,
    help: 'Bytes of the events in the log, and their limit (EVENT_RETENTION_BYTES)',
    label: 'of',
    read({ log }): Sample[] {
      const usage = log.usage()
      if (usage === undefined) return []
      return [
        ['kept', usage.bytes],
        ['limit', usage.limitBytes],
      ]
    },
  },
  fleetwire_cluster_active: {
    type: 'gauge',
    help: '1 on the active node, 0 on all others; the sum is 1 except during a failover',
    label: 'node',
    read: ofNode(({ isActive }) => (isActive ? 1 : 0)),
  },
  fleetwire_cluster_term: {
    type: 'gauge',
    help: 'How often the leader changed, as far as this node knows',
    label: 'node',
    read: ofNode(({ term }) => term),
  },
  fleetwire_cluster_members: {
    type: 'gauge',
    help: 'Nodes that this node hears from, itself included',
    label: 'node',
    read: ofNode(({ members }) => members.length),
  },
  fleetwire_cluster_position: {
    type: 'gauge',
    help: 'How far into the stream the replica of this node is, in messages',
    label: 'node',
    read: ofNode(({ position }) => position),
  },
  fleetwire_cluster_lag: {
    type: 'gauge',
    help: 'Messages of the stream that another node reports and the replica of this node does not have yet',
    label: 'node',
    read: ofNode(({ members, position }) => Math.max(0, ...members.map(member => member.position - position))),
  },
  fleetwire_cluster_forwarded_total: {
    type: 'counter',
    help: 'Requests and frames that this node forwarded to the active node, by outcome',
    label: 'outcome',
    read: ({ activeCalls }) => Object.entries(activeCalls?.stats() ?? {}),
  },
}

function countLinks({ agents }: MetricSources): Iterable<Sample> {
  const counts = new Map<string, number>([
    ['online', 0],
    ['late', 0],
    ['offline', 0],
  ])
  for (const { link } of agents.all()) counts.set(link, (counts.get(link) ?? 0) + 1)
  return counts
}

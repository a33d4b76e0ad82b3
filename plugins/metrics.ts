import fp from 'fastify-plugin'
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client'
import { type MetricSources, metricTable } from '../src/metrics/metric-table.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The metrics that `/metrics` serves. One registry per app, since several apps may share a process. */
    metrics: Registry
  }
}

/** Seconds: from one fsync on a fast disk to a log that cannot keep up. */
const APPEND_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

let ofThisProcess: Registry | undefined

/**
 * prom-client's default metrics of the Node process, under the names that dashboards know. They are created once per
 * process, however many apps it holds: prom-client's monitors of the event loop and of the garbage collector cannot be
 * stopped, so each app would leave another pair behind. They keep no process alive and hold no reference to an app.
 */
function processMetrics(): readonly Metric[] {
  if (ofThisProcess === undefined) {
    ofThisProcess = new Registry()
    collectDefaultMetrics({ register: ofThisProcess })
  }
  return ofThisProcess.getMetricsAsArray() as unknown as Metric[]
}

export default fp(
  async app => {
    const { agents, broadcaster, commandQueue, connections, eventLog, fleet, logUsage, refusals, upgrades } = app
    const { activeCalls, cluster } = app
    const registry = new Registry()
    const registers = [registry]
    const sources: MetricSources = {
      ...{ activeCalls, agents, broadcaster, cluster, commandQueue, connections, refusals, upgrades },
      log: { usage: logUsage },
      webhooks: { stats: fleet.webhookStats },
    }
    for (const metric of processMetrics()) registry.registerMetric(metric)
    for (const [name, { type, help, label, ofFleet, read }] of Object.entries(metricTable)) {
      const Metric = type === 'counter' ? Counter : Gauge
      new Metric({
        ...{ name, help, registers, labelNames: label === undefined ? [] : [label] },
        collect() {
          this.reset()
          if (ofFleet === true && cluster?.isActive === false) return
          for (const [value, count] of read(sources)) this.inc(label === undefined ? {} : { [label]: value }, count)
        },
      })
    }
    const appends = new Histogram({
      name: 'fleetwire_log_append_seconds',
      help: 'Duration of appends to the log, by outcome',
      labelNames: ['status'],
      buckets: APPEND_BUCKETS,
      registers,
    })
    const events = new Counter({ name: 'fleetwire_log_events_total', help: 'Events appended to the log', registers })
    const commits = new Histogram({
      name: 'fleetwire_cluster_commit_seconds',
      help: 'Time that the NATS servers took to store commits of this node',
      buckets: APPEND_BUCKETS,
      registers,
    })
    const stopCommits = cluster?.onCommitted(ms => commits.observe(ms / 1000))
    const stopListening = eventLog.onAppend(took => {
      appends.observe({ status: took.status }, took.ms / 1000)
      events.inc(took.events)
    })
    app.decorate('metrics', registry)
    app.addHook('onClose', async () => {
      stopCommits?.()
      stopListening()
    })
  },
  {
    name: 'fleetwire-metrics',
    dependencies: [
      'fleetwire-broadcaster',
      'fleetwire-fleet',
      'fleetwire-event-log',
      'fleetwire-websocket',
      'fleetwire-forwarding',
    ],
  },
)

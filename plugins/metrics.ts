import fp from 'fastify-plugin'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { EventLoopLag } from '../src/metrics/event-loop-lag.ts'
import { type MetricSources, metricTable } from '../src/metrics/metric-table.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What `/metrics` shows. One for each app: several may live in one process. */
    metrics: Registry
  }
}

/** From one fsync on a fast disk to a log that cannot keep up. */
const APPEND_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

export default fp(
  async app => {
    const { agents, broadcaster, commandQueue, connections, eventLog, logUsage, refusals, upgrades } = app
    const registry = new Registry()
    const registers = [registry]
    const eventLoop = new EventLoopLag()
    const sources: MetricSources = {
      ...{ agents, broadcaster, commandQueue, connections, refusals, upgrades, eventLoop },
      log: { usage: logUsage },
      process: {
        memoryBytes: () => process.memoryUsage.rss(),
        cpuSeconds: () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
      },
    }
    for (const [name, { type, help, label, read }] of Object.entries(metricTable)) {
      const Metric = type === 'counter' ? Counter : Gauge
      new Metric({
        ...{ name, help, registers, labelNames: label === undefined ? [] : [label] },
        collect() {
          this.reset()
          for (const [value, count] of read(sources)) this.inc(label === undefined ? {} : { [label]: value }, count)
        },
      })
    }
    const appends = new Histogram({
      name: 'fleetwire_log_append_seconds',
      help: 'How long appends to the log took, by outcome',
      labelNames: ['status'],
      buckets: APPEND_BUCKETS,
      registers,
    })
    const events = new Counter({ name: 'fleetwire_log_events_total', help: 'Events appended to the log', registers })
    const stopListening = eventLog.onAppend(took => {
      appends.observe({ status: took.status }, took.ms / 1000)
      events.inc(took.events)
    })
    eventLoop.start()
    app.decorate('metrics', registry)
    app.addHook('onClose', async () => {
      stopListening()
      eventLoop.stop()
    })
  },
  {
    name: 'fleetwire-metrics',
    dependencies: ['fleetwire-broadcaster', 'fleetwire-commands', 'fleetwire-event-log', 'fleetwire-websocket'],
  },
)

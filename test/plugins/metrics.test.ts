import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, register } from 'prom-client'
import { test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { said } from '../helpers/events.ts'
import { temporaryFolder } from '../helpers/log-folder.ts'
import { startPair } from '../helpers/node-pair.ts'
import { connectWs } from '../helpers/ws-client.ts'
import { read, tableRows, unquoted } from '../house/repository.ts'

/** The value of a metric, as printed. */
const metricIn = (text: string, metric: string) =>
  Number(
    text
      .split('\n')
      .find(line => line.startsWith(`${metric} `))
      ?.slice(metric.length) ?? Number.NaN,
  )

test('[RE9] metrics need a token, unless METRICS_PUBLIC', async t => {
  const { call, token } = await startApp(t)
  t.equal((await call(undefined, 'GET', '/metrics')).status, 401)
  t.equal((await call(await token('agent'), 'GET', '/metrics')).status, 403)
  const { status, headers } = await call(await token('viewer'), 'GET', '/metrics')
  t.equal(status, 200)
  t.match(headers.get('content-type'), /^text\/plain; version=/)
  const open = await startApp(t, { config: { METRICS_PUBLIC: true, DATA_DIR: temporaryFolder(t) } })
  t.equal((await open.call(undefined, 'GET', '/metrics')).status, 200)
})

test('[NO16] only the active node reports metrics that exist once per cluster', async t => {
  const { nodes, active, gateway } = await startPair(t)
  const admin = await gateway.token('admin')
  await connectWs(t, gateway.url, await gateway.token('viewer'))
  await gateway.call(admin, 'POST', '/api/v1/tasks', { title: 'One' })
  const scrape = async ({ call }: typeof active) => (await call<string>(admin, 'GET', '/metrics')).body
  const ofFleet = ['agents{link="online"}', 'commands{status="queued"}', 'webhooks{state="active"}']
  for (const [decides, other] of [
    [active, gateway],
    [gateway, active],
  ] as const) {
    await nodes.activate(decides.node)
    const [told, rest] = [await scrape(decides), await scrape(other)]
    for (const name of ofFleet) {
      t.equal(metricIn(told, `fleetwire_${name}`), 0, name)
      t.notMatch(rest, `fleetwire_${name}`)
    }
    t.equal(metricIn(told, `fleetwire_cluster_active{node="${decides.node.node}"}`), 1)
    t.equal(metricIn(rest, `fleetwire_cluster_active{node="${other.node.node}"}`), 0)
    t.equal(metricIn(rest, `fleetwire_cluster_members{node="${other.node.node}"}`), 2)
  }
  t.equal(metricIn(await scrape(gateway), 'fleetwire_cluster_forwarded_total{outcome="answered"}'), 1)
  t.equal(metricIn(await scrape(gateway), 'fleetwire_connections{role="viewer"}'), 1)
  t.equal(metricIn(await scrape(active), 'fleetwire_connections{role="viewer"}'), 0)
})

test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test('docs/metrics.md lists every metric with its type and labels, and no others', async t => {
    const { app } = server
    const told = tableRows(read('docs/metrics.md')).map(([name, type, label, help]) => {
      return { name: unquoted(name), type, labels: [...label!.matchAll(/`(\w+)`/g)].map(([, name]) => name), help }
    })
    type Made = { name: string; help: string; labelNames: string[]; constructor: { name: string } }
    const made = app.metrics.getMetricsAsArray() as unknown as Made[]
    t.same(
      told.toSorted((a, b) => a.name.localeCompare(b.name)),
      made
        .map(({ name, help, labelNames, constructor: { name: type } }) => {
          return { name, type: type.toLowerCase(), labels: labelNames, help }
        })
        .toSorted((a, b) => a.name.localeCompare(b.name)),
    )
  })

  await t.test('the Grafana dashboard uses only metrics and labels that exist', async t => {
    const { app } = server
    type Made = { name: string; labelNames: string[]; constructor: { name: string } }
    const made = new Map<string, string[]>([['up', []]])
    for (const { name, labelNames, constructor: kind } of app.metrics.getMetricsAsArray() as unknown as Made[]) {
      made.set(name, labelNames)
      if (kind.name !== 'Histogram') continue
      for (const part of ['bucket', 'sum', 'count']) made.set(`${name}_${part}`, [...labelNames, 'le'])
    }
    const board = JSON.parse(read('deploy/grafana/fleetwire.json'))
    type Panel = { title: string; targets?: { expr: string }[] }
    const asked = (board.panels as Panel[]).flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ title, expr })),
    )
    t.ok(asked.length > 20)
    for (const { title, expr } of asked) {
      const names = [...expr.matchAll(/\b([a-z0-9_]+)\{([^}]*)\}/g)]
      t.ok(names.length > 0, title)
      for (const [, name, labels] of names) {
        t.ok(made.has(name!), `${title}: ${name}`)
        const by = [...expr.matchAll(/\bby \((\w+)\)/g)].map(([, label]) => label!)
        const used = [...[...labels!.matchAll(/(\w+)[!=~]/g)].map(([, label]) => label!), ...by]
        for (const label of used) t.ok(['job', 'instance', ...made.get(name!)!].includes(label), `${title}: ${label}`)
      }
    }
  })
})

test('sockets, resumes, commands, refusals and appends are counted per app', async t => {
  const { app, url, call, token, log } = await startApp(t, { config: { FRAME_RATE: 1, FRAME_BURST: 4 } })
  const other = await startApp(t, { config: { DATA_DIR: temporaryFolder(t) } })
  const admin = await token('admin')
  const scrape = async () => (await call<string>(admin, 'GET', '/metrics')).body
  const client = await connectWs(t, url, await token('operator'))
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b', inventory: [], maxConcurrency: 1 })
  await agent.next('connection:established')
  const submit = async (kind: string) => call(admin, 'POST', '/api/v1/agents/a1/commands', { kind, input: 'x' })
  await submit('shell')
  const { commandId, attempt } = (await agent.next('command:dispatch')).payload
  await submit('shell')
  client.send('dashboard:connect', { resume: { cursor: 'abc.1' }, subscribe: ['agents.*.log'] }, 'c')
  await client.next('snapshot')
  await log.append([said('a1', 'hello')])
  await client.next('agent:error')
  for (let i = 0; i < 6; i++) client.send('ping')
  await client.next('error')

  const text = await scrape()
  const values: Record<string, number> = {
    'fleetwire_connections{role="operator"}': 1,
    'fleetwire_connections{role="agent"}': 1,
    'fleetwire_connections{role="viewer"}': 0,
    fleetwire_connections_opened_total: 2,
    'fleetwire_resumes_total{result="epoch"}': 1,
    fleetwire_subscribers: 1,
    fleetwire_events_delivered_total: 1,
    'fleetwire_agents{link="online"}': 1,
    'fleetwire_commands{status="dispatched"}': 1,
    'fleetwire_commands{status="queued"}': 1,
    'fleetwire_commands{status="running"}': 0,
    fleetwire_outbox_bytes: 0,
  }
  for (const [metric, value] of Object.entries(values)) t.equal(metricIn(text, metric), value, metric)
  const atLeast: Record<string, number> = {
    'fleetwire_refused_total{limit="frames_per_connection"}': 1,
    'fleetwire_log_append_seconds_count{status="ok"}': 3,
    fleetwire_log_events_total: 3,
    process_resident_memory_bytes: 1_000_000,
    process_cpu_seconds_total: 0,
    nodejs_eventloop_lag_p99_seconds: 0,
    nodejs_heap_size_used_bytes: 1_000_000,
  }
  for (const [metric, value] of Object.entries(atLeast)) t.ok(metricIn(text, metric) >= value, metric)
  t.equal(metricIn(await other.app.metrics.metrics(), 'fleetwire_connections_opened_total'), 0)

  agent.send('command:ack', { commandId, attempt })
  agent.send('command:result', { commandId, attempt, status: 'succeeded' })
  await agent.next('command:dispatch')
  await client.close()
  while (app.connections.size > 1) await new Promise(resolve => setImmediate(resolve))
  const later = await scrape()
  t.equal(metricIn(later, 'fleetwire_commands_ended_total{status="succeeded"}'), 1)
  t.match(later, /fleetwire_connections_closed_total\{code="1005"\} 1/)
})

test('prom-client’s process metrics are registered once, however many apps start and stop', async t => {
  const names = (app: FastifyInstance) => app.metrics.getMetricsAsArray().map(({ name }) => name)
  const lagOf = (app: FastifyInstance) => app.metrics.getSingleMetric('nodejs_eventloop_lag_p99_seconds')
  const start = async () => (await startApp(t, { config: { DATA_DIR: temporaryFolder(t) } })).app
  const [one, two] = [await start(), await start()]
  for (const app of [one, two]) t.same(names(app), [...new Set(names(app))], 'no duplicates')
  t.equal(lagOf(one), lagOf(two))
  // A host that measures its own process uses its own registry.
  collectDefaultMetrics()
  t.teardown(() => register.clear())
  await one.close()
  const three = await start()
  t.equal(lagOf(three), lagOf(two))
  const scraped = await three.metrics.metrics()
  for (const line of ['process_cpu_seconds_total', 'nodejs_version_info{', 'fleetwire_agents{link="online"} 0'])
    t.equal(scraped.split('\n').filter(text => text.startsWith(line)).length, 1, line)
})

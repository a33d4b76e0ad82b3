import t from 'tap'
import { SECRET } from '../helpers/build.ts'
import { readiness, serveNode } from '../helpers/cluster-nodes.ts'
import { hmacToken } from '../helpers/foreign-token.ts'
import { OneNats } from '../helpers/one-nats.ts'
import { freePort } from '../helpers/processes.ts'
import { type Habit, RestlessClient } from '../helpers/restless-client.ts'
import { size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

/*
 * A starting node answers from another server until its replica has the whole stream, and a stopping node drains.
 * Clients of every habit come and go during both.
 */
const ROUNDS = size('HAND_OVERS', { quick: 1, full: 10 })
/** How long a client's request may take to arrive, as configured on the node. */
const HEADERS_MS = 500
const REQUEST_MS = 1000
/** Node checks these timeouts once a second. The rest is reserve for a busy machine. */
const PATIENCE_MS = REQUEST_MS + 1000 + 13_000
/** Clients of each habit. */
const EACH = size('HAND_OVER_CLIENTS', { quick: 1, full: 3 })

const token = hmacToken(SECRET)
const head = (...lines: string[]) =>
  `${[...lines, 'Host: localhost', `Authorization: Bearer ${token}`].join('\r\n')}\r\n\r\n`
const ready = head('GET /ready HTTP/1.1')
const list = head('GET /api/v1/agents HTTP/1.1')
const post = (...lines: string[]) =>
  head('POST /api/v1/agents/a/commands HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 15', ...lines)
const upgrade = (path: string, protocol = 'websocket') =>
  head(
    `GET ${path} HTTP/1.1`,
    'Connection: Upgrade',
    `Upgrade: ${protocol}`,
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  )
const halves = (text: string): string[] => [text.slice(0, text.length / 2), text.slice(text.length / 2)]

const habits: Record<string, Habit> = {
  'a request': { sends: [ready], answers: 1 },
  'one after the other': { sends: [list], answers: 1, stays: true },
  'three at once': { sends: [ready + list + ready], answers: 3, stays: true },
  'an upgrade': { sends: [upgrade('/ws')], answers: 1 },
  'an upgrade of an agent': { sends: [upgrade('/agent')], answers: 1 },
  'an upgrade where there is none': { sends: [upgrade('/ready')], answers: 1 },
  'an upgrade to another protocol': { sends: [upgrade('/ready', 'h2c')], answers: 1 },
  'an upgrade behind a request': { sends: [list + upgrade('/ws')], answers: 2 },
  'a head in halves': { sends: halves(list), answers: 1 },
  'a body in halves': { sends: [`${post()}{"kind":`, '"work"}'], answers: 1 },
  'a body when it is asked for': { sends: [post('Expect: 100-continue'), '{"kind":"work"}'], answers: 1 },
  'half a head': { sends: halves(list).slice(0, 1), answers: 1 },
  'half a body': { sends: [`${post()}{"kind":`], answers: 1 },
  'not HTTP': { sends: ['hello?\r\n\r\n'], answers: 1 },
  nothing: { sends: [], answers: 1 },
}

t.setTimeout(300_000)

t.test('[NO19] whatever a client sends while a node starts or stops is answered, or its connection ends', async t => {
  const nats = await OneNats.prepare(t)
  if (nats === undefined) return
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env = {
    ...{ FLEETWIRE_NATS_REPLICAS: '1', FLEETWIRE_PORT: String(port), FLEETWIRE_LOG_LEVEL: 'warn' },
    ...{ FLEETWIRE_HEADERS_TIMEOUT_MS: String(HEADERS_MS), FLEETWIRE_REQUEST_TIMEOUT_MS: String(REQUEST_MS) },
    ...{ FLEETWIRE_UPGRADE_RATE: '1000', FLEETWIRE_UPGRADE_BURST: '1000' },
  }
  const clients = Object.entries(habits).flatMap(([name, habit]) =>
    Array.from({ length: EACH }, () => new RestlessClient({ name, habit, port, patienceMs: PATIENCE_MS })),
  )
  t.teardown(() => Promise.all(clients.map(client => client.stop())))
  const served = () => clients.map(({ answered, ended }) => answered + ended)
  const flaws = () => clients.flatMap(client => client.flaws)
  const goOn = async () => {
    const before = served()
    await until(() => {
      if (flaws().length > 0) throw new Error(flaws().join('\n'))
      return served().every((count, i) => count > before[i]!)
    })
  }
  for (const client of clients) client.start()
  for (let round = 0; round < ROUNDS; round++) {
    const node = serveNode(t, nats, 'a', env)
    await readiness(url, 503, /is waiting for the NATS servers/)
    await goOn()
    nats.start()
    await readiness(url, 200)
    await goOn()
    await node.kill('SIGTERM')
    t.match(await node.ended, { code: 0 }, 'the node ends gracefully')
    await nats.stop()
  }
  await Promise.all(clients.map(client => client.stop()))
  t.same(flaws(), [], 'no client waited in vain')
  const statuses = new Set(clients.flatMap(client => [...client.statuses]))
  for (const status of [101, 200, 400, 408, 503]) t.ok(statuses.has(status), `some responses were ${status}`)
})

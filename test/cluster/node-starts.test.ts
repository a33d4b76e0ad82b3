import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { ask, openNode, readiness, serveNode } from '../helpers/cluster-nodes.ts'
import { temporaryFolder } from '../helpers/log-folder.ts'
import { natsOperator } from '../helpers/nats-operator.ts'
import { OneNats } from '../helpers/one-nats.ts'
import { freePort } from '../helpers/processes.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(120_000)
const ONE = { NATS_REPLICAS: 1 }

t.test(
  '[NO19] without its servers, a node is alive but not ready and says so; once they come it starts, with its agent',
  async t => {
    const nats = await OneNats.prepare(t)
    if (nats === undefined) return
    const port = await freePort()
    const env = { FLEETWIRE_NATS_REPLICAS: '1', FLEETWIRE_PORT: String(port), FLEETWIRE_LOCAL_AGENT: 'true' }
    const node = serveNode(t, nats, 'a', env, ['--local-agent'])
    const url = `http://127.0.0.1:${port}`
    await node.printed(/waiting for the NATS servers at 127.0.0.1:\d+: /)
    t.match(await ask(url, '/health'), { status: 200, body: { status: 'ok' } })
    t.match(await ask(url, '/ready'), { status: 503, body: { ready: false, store: /is waiting for the NATS servers/ } })
    t.match(await ask(url, '/api/v1/agents'), {
      status: 503,
      body: { code: 'unavailable', details: { retryAfterMs: 1000 } },
    })
    nats.start()
    await readiness(url, 200)
    t.match(await ask(url, '/api/v1/agents'), { status: 200 })
    await node.printed(/The agent "local" runs/)
    await until(async () => JSON.stringify(await ask(url, '/api/v1/agents')).includes('"online"'))

    await t.rejects(openNode(t, nats, 'b', { NATS_REPLICAS: 3 }), {
      code: 'FLW_ERR_CLUSTER_STREAM',
      message: /its num_replicas is 1, but should be 3/,
    })

    const other = await openNode(t, nats, 'c', { ...ONE, JWT_SECRET: 'another-secret-that-is-long-enough-too' })
    await node.printed(/Node c verifies tokens with a different key/)
    await until(() => /Node a verifies tokens with/.test(other.output()))
    t.notMatch(node.output() + other.output(), /another-secret/)
    await other.app.close()

    const twin = await openNode(t, nats, 'a', ONE)
    for (const each of [url, twin.url]) await readiness(each, 503, /another process is also node a/)
    await until(() => /FLW_ERR_CLUSTER_NODE/.test(twin.output()))
  },
)

t.test('without the key that all nodes share, a node does not start', async t => {
  const config = { NATS_URL: '127.0.0.1:1', NODE: 'a', DATA_DIR: temporaryFolder(t) }
  await t.rejects(buildApp({ logger: false, config }), {
    message: /FLEETWIRE_NATS_URL needs a key that all nodes share.*FLEETWIRE_JWT_SECRET/,
  })
})

t.test('servers that accept only small messages are refused', async t => {
  const nats = await OneNats.prepare(t, 'max_payload: 65536')
  if (nats === undefined) return
  nats.start()
  await t.rejects(openNode(t, nats, 'a', ONE), { message: /messages of at most 65536 bytes.*max_payload/ })
})

t.test('wrong TLS settings and logins end the start with a reason that does not contain the password', async t => {
  const dir = temporaryFolder(t)
  const file = (name: string) => join(dir, name)
  const openssl = (args: string) => execFileSync('openssl', args.split(' '), { cwd: dir, stdio: 'ignore' })
  openssl(
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test-ca',
  )
  writeFileSync(file('san'), 'subjectAltName=IP:127.0.0.1')
  openssl(
    'req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr -subj /CN=nats',
  )
  openssl('x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile san')
  const tls = `tls { cert_file: "${file('server.crt')}", key_file: "${file('server.key')}" }`
  const nats = await OneNats.prepare(t, `${tls}\nauthorization { user: fleet, password: "pa:ss word" }`)
  if (nats === undefined) return
  nats.start()
  const at = (login: string) => ({ addresses: [`tls://${login}127.0.0.1:${nats.port}`] })
  const ca = { ...ONE, NATS_CA: file('ca.crt') }

  const refused = await openNode(t, at('fleet:another@'), 'a', ca).catch((error: unknown) => error as Error)
  t.match(refused, { message: /refuse this node: .*uthorization.*FLEETWIRE_NATS_CREDS/ })
  t.notMatch(inspect(refused, { depth: Infinity, showHidden: true }), /another/)

  const swapped = { ...ca, NATS_CERT: file('ca.crt'), NATS_KEY: file('server.key') }
  await t.rejects(openNode(t, at(''), 'a', swapped), {
    message: /ca\.crt and .*server\.key are not a certificate and its key/,
  })
  const noCa = openNode(t, at(''), 'a', { ...ONE, NATS_CA: file('ca.key') })
  await t.rejects(noCa, { message: /ca\.key contains no certificate/ })
  const missing = openNode(t, at(''), 'a', { ...ONE, NATS_CREDS: file('no.creds') })
  await t.rejects(missing, { message: /no\.creds cannot be read/ })

  for (const login of ['fleet:pa%3Ass%20word@', 'fleet:pa:ss%20word@']) {
    const node = await openNode(t, at(login), 'a', ca)
    t.match(await readiness(node.url, 200, /"role":"active"/), /"role":"active"/)
    await node.app.close()
  }
})

t.test('a node with the right credentials file connects, and one with another file does not', async t => {
  const { config, creds } = natsOperator()
  const nats = await OneNats.prepare(t, config)
  if (nats === undefined) return
  nats.start()
  const dir = temporaryFolder(t)
  const withCreds = (name: string, text: string) => {
    writeFileSync(join(dir, name), text)
    return openNode(t, nats, 'a', { ...ONE, NATS_CREDS: join(dir, name) })
  }
  const node = await withCreds('node.creds', creds)
  t.match(await readiness(node.url, 200, /"role":"active"/), /"role":"active"/)
  const foreign = withCreds('foreign.creds', natsOperator().creds)
  const refusal = /^The NATS servers at \S+ refuse this node: .*FLEETWIRE_NATS_CREDS/
  await t.rejects(foreign, { message: refusal })
  const empty = withCreds('empty.creds', 'nothing of this kind')
  await t.rejects(empty, { message: /empty\.creds contains no NATS credentials/ })
})

t.test('the durability that servers report is shown, and a minimum can be required', async t => {
  const monitor = await freePort()
  const lax = await OneNats.prepare(t, `http: "127.0.0.1:${monitor}"`, 'sync_interval: "2m"')
  if (lax === undefined) return
  lax.start()
  const told = { ...ONE, NATS_MONITOR_URL: `http://127.0.0.1:${monitor}` }
  const first = await openNode(t, lax, 'a', told)
  t.match(await readiness(first.url, 200, /"durability":"replicated"/), /"durability":"replicated"/)
  const untold = await openNode(t, lax, 'b', ONE)
  t.match(await readiness(untold.url, 200, /"durability":"unknown"/), /"durability":"unknown"/)
  const strict = await openNode(t, lax, 'c', { ...told, NATS_REQUIRE_FSYNC: true })
  t.match(await readiness(strict.url, 503, /not known to sync each commit/), /not known to sync each commit/)

  const port = await freePort()
  const always = await OneNats.prepare(t, `http: "127.0.0.1:${port}"`)
  always!.start()
  const fine = await openNode(t, always!, 'a', {
    ...ONE,
    NATS_MONITOR_URL: `http://127.0.0.1:${port}`,
    NATS_REQUIRE_FSYNC: true,
  })
  t.match(await readiness(fine.url, 200, /"durability":"fsync"/), /"durability":"fsync"/)
})

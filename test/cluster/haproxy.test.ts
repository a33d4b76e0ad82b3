import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { AgentClient } from '@fleetwire/client/node'
import t, { type Test } from 'tap'
import { SECRET } from '../helpers/build.ts'
import { decidingOf, openNode } from '../helpers/cluster-nodes.ts'
import { hmacToken } from '../helpers/foreign-token.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { freePort, program } from '../helpers/processes.ts'
import { isInstalled } from '../helpers/programs.ts'
import { until } from '../helpers/until.ts'
import { connectWs } from '../helpers/ws-client.ts'
import { read } from '../house/repository.ts'

t.setTimeout(120_000)

/** HAProxy with deploy/haproxy/haproxy.cfg, except for addresses. Without Docker there is no DNS of its own. */
async function startBalancer(t: Test, origins: readonly string[]) {
  const [port, ownPort] = [await freePort(), await freePort()]
  let text = read('deploy/haproxy/haproxy.cfg')
    .replace('bind :3000', `bind 127.0.0.1:${port}`)
    .replace('bind :8404', `bind 127.0.0.1:${ownPort}`)
    .replaceAll(/ resolvers docker( init-addr \S+)?/g, '')
    .replace(/^resolvers docker\n(?: .*\n)*/m, '')
  for (const [i, origin] of origins.entries()) text = text.replaceAll(`fleetwire-${i + 1}:3000`, new URL(origin).host)
  const file = join(t.testdir(), 'haproxy.cfg')
  writeFileSync(file, text)
  const haproxy = program(t, 'haproxy', ['-db', '-f', file], {}, t.testdirName)
  const url = `http://127.0.0.1:${port}`
  const health = () =>
    fetch(`http://127.0.0.1:${ownPort}/health`).then(
      ({ status }) => status,
      () => undefined,
    )
  await Promise.race([
    until(async () => (await health()) === 200),
    haproxy.ended.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ])
  return { url, health, metrics: `http://127.0.0.1:${ownPort}/metrics` }
}

/** Responds with its name and the headers that it got. */
async function startNode(t: Test, name: string) {
  const node = { name, isReady: true, isLeaving: false, asked: 0, origin: '', server: undefined as unknown as Server }
  node.server = createServer(({ url, headers }, answer) => {
    if (url === '/ready') {
      answer.writeHead(node.isReady ? 200 : 503).end()
      return
    }
    node.asked++
    answer.writeHead(node.isReady && !node.isLeaving ? 200 : 503, { 'x-node': name })
    answer.end(JSON.stringify({ name, headers }))
  })
  node.server.listen(0, '127.0.0.1')
  await once(node.server, 'listening')
  node.origin = `http://127.0.0.1:${(node.server.address() as AddressInfo).port}`
  t.teardown(() => {
    node.server.closeAllConnections()
    node.server.close()
  })
  return node
}

const ask = (url: string, method = 'GET', headers = {}) =>
  new Promise<{ status: number; node: unknown; headers: Record<string, string> }>((resolve, reject) => {
    request(url, { method, headers, agent: false }, async answer => {
      let text = ''
      for await (const chunk of answer) text += chunk
      const { statusCode, headers } = answer
      resolve({ status: statusCode!, node: headers['x-node'], headers: JSON.parse(text).headers })
    })
      .on('error', reject)
      .end()
  })

t.test(
  'HAProxy follows /ready, retries on the next node only where that is harmless, and invents no responses',
  async t => {
    if (!isInstalled(t, 'haproxy')) return
    const nodes = await Promise.all(['a', 'b', 'c'].map(name => startNode(t, name)))
    const { url, health, metrics } = await startBalancer(
      t,
      nodes.map(({ origin }) => origin),
    )
    const names = async (method = 'GET') => {
      const answers = []
      for (let i = 0; i < 12; i++) answers.push(await ask(url, method))
      return {
        statuses: [...new Set(answers.map(({ status }) => status))],
        nodes: new Set(answers.map(({ node }) => node)),
      }
    }
    await until(async () => (await names()).nodes.size === 3)
    const forged = await ask(url, 'GET', { 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'https' })
    t.match(
      forged.headers,
      { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' },
      'no client can forge its address',
    )

    const [a, b, c] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]]
    // The node drains, and HAProxy has not checked yet.
    a.isLeaving = true
    t.strictSame((await names()).statuses, [200], 'a GET is sent to the next node')
    const asked = nodes.reduce((sum, { asked }) => sum + asked, 0)
    const posted = await names('POST')
    t.equal(
      nodes.reduce((sum, { asked }) => sum + asked, 0) - asked,
      12,
      'a request that may have an effect is sent once',
    )
    t.ok(posted.statuses.includes(200))
    a.isReady = false
    await until(async () => !(await names('POST')).nodes.has('a'))
    t.strictSame((await names('POST')).statuses, [200])

    b.server.closeAllConnections()
    b.server.close()
    t.strictSame((await names()).statuses, [200], 'a GET survives a dead node too')
    c.isReady = false
    await until(async () => (await health()) === 503)
    const refused = await ask(url, 'POST')
    t.match(refused, { status: 503, node: /[ac]/ }, 'a node itself says why nobody is ready')
    t.match(await (await fetch(metrics)).text(), /^haproxy_backend_active_servers\{proxy="ready"\} 0$/m)
  },
)

t.test('a WebSocket and a command reach cluster nodes through HAProxy, even when a node goes away', async t => {
  if (!isInstalled(t, 'haproxy')) return
  const nats = await NatsCluster.shared(t)
  if (nats === undefined) return
  const config = { TRUST_PROXY: 'loopback' }
  const nodes = await Promise.all(['a', 'b', 'c'].map(name => openNode(t, nats, name, config)))
  await decidingOf(nodes)
  const { url } = await startBalancer(
    t,
    nodes.map(({ url }) => url),
  )
  const token = hmacToken(SECRET)
  await until(async () => (await fetch(`${url}/ready`)).ok)
  const client = await connectWs(t, url, token)
  client.send('subscribe', { topics: ['agents.>'], snapshot: false }, 's')
  const handlers = { shell: async () => ({ status: 'succeeded' as const }) }
  const agent = new AgentClient({ url, token: hmacToken(SECRET, { sub: 'a1', role: 'agent' }), handlers })
  t.teardown(() => agent.stop({ graceMs: 0 }))
  await agent.start()
  const submit = async (input: string) => {
    const answer = await fetch(`${url}/api/v1/agents/a1/commands?wait=10`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'shell', input }),
    })
    return answer.ok && ((await answer.json()) as { status: string }).status
  }
  t.equal(await until(() => submit('one')), 'succeeded')
  t.match(await client.next('command:succeeded'), { payload: { input: 'one' } })
  const active = await decidingOf(nodes)
  await active.app.close()
  t.equal(await until(() => submit('two')), 'succeeded', 'the other nodes serve')
})

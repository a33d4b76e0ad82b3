import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import { systemClock } from '../../src/clock.ts'
import { openNatsCommitStream } from '../../src/cluster/nats/nats-commit-stream.ts'
import { SECRET } from '../helpers/build.ts'
import { ask, openNode, readiness } from '../helpers/cluster-nodes.ts'
import { cuttableLink } from '../helpers/cuttable-link.ts'
import { hmacToken } from '../helpers/foreign-token.ts'
import { OneNats } from '../helpers/one-nats.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(120_000)

t.test(
  '[NO18] nodes that are cut off refuse requests, even the active one; the others continue, and the cut ones recover',
  async t => {
    const nats = await OneNats.prepare(t)
    if (nats === undefined) return
    nats.start()
    const link = await cuttableLink(t, nats.port)
    const behind = { addresses: [`127.0.0.1:${link.port}`] }
    const one = { NATS_REPLICAS: 1 }
    const active = await openNode(t, behind, 'a', one)
    await readiness(active.url, 200, /"role":"active"/)
    const standby = await openNode(t, behind, 'b', one)
    const others = await Promise.all(['c', 'd', 'e'].map(name => openNode(t, nats, name, one)))
    const apart = [active, standby]
    for (const { url } of [...apart, ...others]) await readiness(url, 200, /"members":5/)
    await readiness(standby.url, 200, /"role":"standby","active":"a"/)

    link.cut(true)
    const from = performance.now()
    await Promise.all(apart.map(({ url }) => readiness(url, 503, /cut off/)))
    // 6 s on an idle machine; the rest is reserve for a busy one.
    t.ok(performance.now() - from < 9000, `not ready after ${performance.now() - from} ms`)
    for (const { url } of apart) {
      for (const path of ['/api/v1/agents', '/api/v1/events?topics=>']) {
        t.match(await ask(url, path), { status: 503, body: { code: 'unavailable', message: /cut off/ } })
      }
      t.match(await ask(url, '/health'), { status: 200 })
    }
    for (const { url } of others) await readiness(url, 200, /"active":"[cde]"/)
    link.cut(false)
    for (const { url } of apart) {
      await readiness(url, 200, /"role":"standby","active":"[cde]","members":5/)
      await until(async () => (await ask(url, '/api/v1/agents')).status === 200)
    }
  },
)

t.test('[NO18] a node whose replica has failed sends its clients elsewhere, and says why', async t => {
  const nats = await OneNats.prepare(t)
  if (nats === undefined) return
  nats.start()
  const node = await openNode(t, nats, 'a', { NATS_REPLICAS: 1 })
  await readiness(node.url, 200, /"role":"active"/)
  const socket = new WebSocket(`${node.url.replace('http', 'ws')}/ws`, {
    headers: { authorization: `Bearer ${hmacToken(SECRET)}` },
  })
  await once(socket, 'open')
  const closed = once(socket, 'close')

  const stream = await openNatsCommitStream({
    ...{ servers: nats.addresses, namespace: 'default', replicas: 1, clock: systemClock },
  })
  t.teardown(() => stream.close())
  const part = { commitId: randomUUID(), part: 0, parts: 1, data: Buffer.from('no commit of ours') }
  await until(async () => (await stream.append(part, (await stream.bounds()).last)).status === 'accepted')

  const [code] = await closed
  t.equal(code, 1012)
  await readiness(node.url, 503, /the replica has failed/)
  t.match(await ask(node.url, '/api/v1/agents'), { status: 503, body: { code: 'unavailable' } })
  t.match(await ask(node.url, '/health'), { status: 200 })
})

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

t.test('[NO18] a node that is cut off refuses, the others go on, and it is back by itself', async t => {
  const nats = await OneNats.prepare(t)
  if (nats === undefined) return
  nats.start()
  const link = await cuttableLink(t, nats.port)
  const one = { NATS_REPLICAS: 1 }
  const apart = await openNode(t, { addresses: [`127.0.0.1:${link.port}`] }, 'a', one)
  await readiness(apart.url, 200, /"role":"active"/)
  const others = await Promise.all(['b', 'c'].map(name => openNode(t, nats, name, one)))
  const urls = [apart, ...others].map(({ url }) => url)
  for (const url of urls) await readiness(url, 200, /"members":3/)

  for (const role of ['active', 'standby']) {
    await readiness(urls[0]!, 200, new RegExp(`"role":"${role}"`))
    link.cut(true)
    const from = performance.now()
    await readiness(urls[0]!, 503, /cut off/)
    // 6 s where the machine has time; the rest is for one that has not.
    t.ok(performance.now() - from < 9000, `not ready after ${performance.now() - from} ms`)
    for (const path of ['/api/v1/agents', '/api/v1/events?topics=>']) {
      t.match(await ask(urls[0]!, path), { status: 503, body: { code: 'unavailable', message: /cut off/ } })
    }
    t.match(await ask(urls[0]!, '/health'), { status: 200 })
    for (const url of urls.slice(1)) await readiness(url, 200, /"active":"[bc]"/)
    link.cut(false)
    await readiness(urls[0]!, 200, /"role":"standby","active":"[bc]","members":3/)
    await until(async () => (await ask(urls[0]!, '/api/v1/agents')).status === 200)
  }
})

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

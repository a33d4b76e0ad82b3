import t from 'tap'
import { ask, openNode, readiness } from '../helpers/cluster-nodes.ts'
import { cuttableLink } from '../helpers/cuttable-link.ts'
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

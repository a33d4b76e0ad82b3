import t from 'tap'
import { FleetCluster } from '../helpers/fleet-cluster.ts'
import { Ledger } from '../helpers/ledger.ts'
import { inFull } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

const SERVERS = ['n1', 'n2', 'n3']

t.setTimeout(300_000)

t.test('[NO17] with two of three servers down, every node says that it can store nothing', inFull, async t => {
  const cluster = await FleetCluster.start(t)
  if (cluster === undefined) return
  const { url, nodes } = cluster
  const token = cluster.token.bind(cluster)
  const ledger = await Ledger.start(t, { url, token, agents: 2, dashboards: 2, callers: 2, restMs: 300 })
  for (const isKept of ['the one that leads the stream', 'another one']) {
    await ledger.goOn(5)
    const leader = await cluster.streamLeader()
    const kept = isKept === 'another one' ? SERVERS.find(name => name !== leader) : leader
    const down = SERVERS.filter(name => name !== kept)
    await Promise.all(down.map(name => cluster.nats.kill(name)))
    const saysWhy = (status: number, why: RegExp) =>
      Promise.all(
        nodes.map(node =>
          until(async () => {
            const said = await node.readiness()
            return said?.status === status && why.test(String(said.body.store))
          }),
        ),
      )
    await saysWhy(503, /can store nothing/)
    // By then a server without a majority answers for the stream as if it had just heard the others.
    await cluster.streamHasNoLeader()
    await saysWhy(503, /no majority for (?:3\d|[4-9]\d) s/)
    for (const name of down) cluster.nats.restart(name)
    await saysWhy(200, /ok/)
    await ledger.goOn(5)
    await ledger.whole()
    await cluster.streamIsWhole()
    t.pass(`${isKept} was kept: all were ready again by themselves`)
  }
  await ledger.settle()
  t.same(ledger.flaws(), [])
})

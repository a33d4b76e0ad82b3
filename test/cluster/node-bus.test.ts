import { randomBytes } from 'node:crypto'
import { connect } from '@nats-io/transport-node'
import t from 'tap'
import { systemClock as clock } from '../../src/clock.ts'
import { PacketBus } from '../../src/cluster/bus/packet-bus.ts'
import { NatsWire } from '../../src/cluster/nats/nats-node-bus.ts'
import { FaultyWire, nodeBusContract } from '../contract/node-bus.ts'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(120_000)
const cluster = await NatsCluster.shared(t)
if (cluster !== undefined) {
  const reach = (servers: string[]) => connect({ servers, noRandomize: true, reconnectTimeWait: 100 })
  /** Started servers need a moment. */
  const connection = (servers: string[]) => until(() => reach(servers).catch(() => undefined))

  nodeBusContract(t, 'three servers', async t => {
    const namespace = randomBytes(6).toString('hex')
    const faults: unknown[] = []
    const open = async (node: string, servers: string[]) => {
      const nats = await connection(servers)
      const wire = new FaultyWire(new NatsWire(nats, { node, namespace, channel: 'control' }))
      const bus = new PacketBus({ node, clock, wire, onFault: fault => faults.push(fault) })
      t.teardown(() => bus.close())
      t.teardown(() => nats.close())
      await nats.flush()
      return { nats, wire, bus }
    }
    const [first, ...others] = cluster.addresses
    const [a, b] = [await open('a', [first!]), await open('b.example', others)]
    // Servers propagate who listens where.
    await until(() => b.bus.request('a', 'nothing', 1).catch(({ message }) => message.includes('"nothing"')))
    await until(() => a.bus.request('b.example', 'nothing', 1).catch(({ message }) => message.includes('"nothing"')))
    return {
      ...{ a: a.bus, b: b.bus, wire: b.wire, faults },
      restart: async () => {
        b.wire.isCut = true
        await b.nats.close()
        const again = (await open('b.example', others)).bus
        await until(() =>
          a.bus.request('b.example', 'nothing', 1).catch(({ message }) => message.includes('"nothing"')),
        )
        return again
      },
      until: async isSo => void (await until(() => isSo())),
    }
  })
}

import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { PacketBus } from '../../../src/cluster/bus/packet-bus.ts'
import { FaultyWire, nodeBusContract } from '../../contract/node-bus.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { MemoryNetwork } from '../../helpers/memory-node-bus.ts'
import { seededRandom } from '../../helpers/random.ts'

nodeBusContract(t, 'in memory', async t => {
  const clock = new FakeClock()
  const network = new MemoryNetwork(clock, seededRandom(1), { delayMs: 5 })
  const faults: unknown[] = []
  const open = (node: string) => {
    const memory = network.join(node)
    const wire = new FaultyWire(memory)
    const bus = new PacketBus({ node, clock, wire, onFault: fault => faults.push(fault) })
    t.teardown(() => bus.close())
    return { memory, wire, bus }
  }
  const [a, b] = [open('a'), open('b.example')]
  return {
    ...{ a: a.bus, b: b.bus, wire: b.wire, faults },
    restart: async () => {
      b.wire.isCut = true
      b.memory.close()
      return open('b.example').bus
    },
    until: async isSo => {
      for (let n = 0; !isSo(); n++) {
        if (n > 20_000) throw new Error('not so within 200 s')
        clock.advance(10)
        await turn()
      }
    },
  }
})

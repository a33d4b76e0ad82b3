import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { type NodeBus, NodeFault, type NodeLink, NodeUnreachable } from '../../src/cluster/bus/node-bus.ts'
import type { PacketListener, PacketWire } from '../../src/cluster/bus/packet-wire.ts'

/** Two nodes. */
export interface BusHarness {
  a: NodeBus
  b: NodeBus
  /** The network connection of b. */
  wire: FaultyWire
  /** Ends the process of b without notice, and starts another one as the same node. */
  restart(): Promise<NodeBus>
  /** Faults of both nodes. */
  faults: unknown[]
  /** Lets time pass until the condition holds. */
  until(isSo: () => boolean): Promise<void>
}

/** Puts faults between a process and its network. */
export class FaultyWire implements PacketWire {
  readonly maxPacketBytes: number
  /** Nothing is sent or received. */
  isCut = false
  /** How many of the next packets sent are lost. */
  lose = 0
  /** Packets sent. */
  sent = 0
  readonly #wire: PacketWire

  constructor(wire: PacketWire) {
    this.#wire = wire
    this.maxPacketBytes = wire.maxPacketBytes
  }

  nodeAddress(node: string): string {
    return this.#wire.nodeAddress(node)
  }

  send(address: string, packet: Uint8Array, tag: string): void {
    if (this.isCut || this.lose-- > 0) return
    this.sent++
    this.#wire.send(address, packet, tag)
  }

  listen(listener: PacketListener): void {
    this.#wire.listen({
      onPacket: (...all) => this.isCut || listener.onPacket(...all),
      onNobody: tag => this.isCut || listener.onNobody(tag),
    })
  }

  close(): void {
    this.#wire.close()
  }
}

interface Side {
  link: NodeLink
  messages: unknown[]
  ends: string[]
}

const watched = (link: NodeLink): Side => {
  const side: Side = { link, messages: [], ends: [] }
  link.onMessage((message, bytes) =>
    side.messages.push(bytes === undefined ? message : [message, Buffer.from(bytes).toString('hex')]),
  )
  link.onEnd(reason => side.ends.push(reason))
  return side
}

/** A link from a to b. */
async function linked({ a, b, until }: BusHarness, kind = 'things'): Promise<{ here: Side; there: Side }> {
  let there: Side | undefined
  const unlisten = b.onLink(kind, link => {
    there = watched(link)
  })
  const here = watched(a.openLink(b.node, kind, 'hello'))
  await until(() => there !== undefined)
  unlisten()
  return { here, there: there! }
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

/** The contract of every implementation of NodeBus. */
export function nodeBusContract(t: Test, name: string, factory: (t: Test) => Promise<BusHarness>): void {
  t.test(`${name}: a node answers requests`, async t => {
    const { a, b, until } = await factory(t)
    const asked: unknown[] = []
    b.answer('sum', ({ of }: { of: number[] }, from) => {
      asked.push(from)
      return of.reduce((sum, each) => sum + each, 0)
    })
    b.answer('slow', async (question: unknown) => {
      await until(() => asked.length === 1)
      return { question }
    })
    b.answer('fault', () => {
      throw new Error('it is broken')
    })
    const slow = a.request(b.node, 'slow', ['é', null])
    const sum = a.request(b.node, 'sum', { of: [1, 2, 3] })
    const broken = t.rejects(a.request(b.node, 'fault', 1), NodeFault)
    const unknown = t.rejects(a.request(b.node, 'nothing', 1), { name: 'NodeUnreachable', message: /"nothing"/ })
    let settled = false
    void Promise.all([slow, sum, broken, unknown]).then(() => {
      settled = true
    })
    await until(() => settled)
    t.same([await slow, await sum, asked], [{ question: ['é', null] }, 6, [a.node]])
    // Longer than any packet, in both directions.
    b.answer('echo', (text: string) => text)
    const long = 'ü'.repeat(1_500_000)
    let echo: string | undefined
    void a.request<string, string>(b.node, 'echo', long).then(answer => {
      echo = answer
    })
    await until(() => echo !== undefined)
    t.ok(echo === long)
  })

  t.test(`${name}: a node that does not answer is reported as unreachable`, async t => {
    const { a, b, wire, until } = await factory(t)
    const faults: Error[] = []
    const ask = (node: string, timeoutMs?: number) =>
      void a
        .request(node, 'never', 1, timeoutMs === undefined ? {} : { timeoutMs })
        .catch((error: Error) => faults.push(error))
    ask('nobody')
    await until(() => faults.length === 1)
    t.match(faults[0], { name: 'NodeUnreachable', message: 'Node nobody does not answer: no such node is listening' })
    t.ok(faults[0] instanceof NodeUnreachable)
    b.answer('never', () => new Promise(() => {}))
    ask(b.node, 200)
    await until(() => faults.length === 2)
    t.match(faults[1], { message: `Node ${b.node} does not answer: no answer to "never" within 200 ms` })
    ask(b.node, 60_000)
    wire.isCut = true
    await until(() => faults.length === 3)
    t.match(faults[2], { message: /silent for 3 s/ }, 'before its time is over')
    wire.isCut = false
    b.answer('now', () => 'yes')
    let answer: unknown
    void a.request(b.node, 'now', 1).then(said => {
      answer = said
    })
    await until(() => answer === 'yes')
  })

  t.test(`${name}: messages go over a link in order and complete, in both directions`, async t => {
    const harness = await factory(t)
    const { here, there } = await linked(harness)
    const before = harness.wire.sent
    const bytes = randomBytes(3 * harness.wire.maxPacketBytes)
    for (const n of numbers(1000)) {
      here.link.send({ n })
      there.link.send(n, n % 100 === 0 ? Buffer.from([n % 256]) : undefined)
    }
    here.link.send(['large'], bytes)
    here.link.send('none', new Uint8Array())
    await harness.until(() => here.messages.length === 1000 && there.messages.length === 1002)
    t.same(
      there.messages.slice(0, 1000),
      numbers(1000).map(n => ({ n })),
    )
    t.same(there.messages.slice(1000), [
      [['large'], bytes.toString('hex')],
      ['none', ''],
    ])
    const wanted = numbers(1000).map(n => (n % 100 === 0 ? [n, Buffer.from([n % 256]).toString('hex')] : n))
    t.same(here.messages, wanted)
    t.ok(harness.wire.sent - before < 50, 'the messages of one turn are sent together')
    await harness.until(() => here.link.bufferedBytes === 0)
    here.link.send('last')
    here.link.end('enough')
    here.link.send('too late')
    await harness.until(() => there.ends.length === 1)
    t.equal(there.messages.at(-1), 'last')
    t.same([here.ends, there.ends], [['enough'], ['enough']])
    t.ok(here.link.hasEnded && there.link.hasEnded)
  })

  t.test(`${name}: messages sent with sendSoon are batched for a few milliseconds, in order`, async t => {
    const harness = await factory(t)
    const { here, there } = await linked(harness)
    const before = harness.wire.sent
    const startedAt = performance.now()
    for (const n of numbers(200)) {
      there.link.sendSoon(n)
      await turn()
    }
    there.link.send('now')
    await turn()
    const most = 5 + (performance.now() - startedAt) / 5
    t.ok(harness.wire.sent - before < most, `${harness.wire.sent - before} packets, of ${most} at most`)
    await harness.until(() => here.messages.length === 201)
    t.same(here.messages, [...numbers(200), 'now'])
    there.link.sendSoon('last')
    there.link.sendSoon('alone')
    await harness.until(() => here.messages.length === 203)
    there.link.sendSoon('before the end')
    there.link.end('enough')
    there.link.sendSoon('too late')
    await harness.until(() => here.ends.length === 1)
    t.equal(here.messages.at(-1), 'before the end')
  })

  t.test(`${name}: a link survives when its users are silent, and ends when the other node is silent`, async t => {
    const harness = await factory(t)
    const { here, there } = await linked(harness)
    const sent = harness.wire.sent
    await harness.until(() => harness.wire.sent >= sent + 4)
    t.same([here.ends, there.ends], [[], []])
    harness.wire.isCut = true
    there.link.send('lost')
    here.link.send('lost too')
    await harness.until(() => here.ends.length === 1 && there.ends.length === 1)
    t.same([here.ends, there.ends], [['the other node was silent for 3 s'], ['the other node was silent for 3 s']])
    t.same([here.messages, there.messages], [[], []])
  })

  t.test(`${name}: nothing is delivered after a lost message, and both sides are notified`, async t => {
    const harness = await factory(t)
    const { here, there } = await linked(harness)
    there.link.send(1)
    await harness.until(() => here.messages.length === 1)
    harness.wire.lose = 1
    there.link.send(2)
    await harness.until(() => harness.wire.lose === 0)
    there.link.send(3)
    await harness.until(() => here.ends.length === 1 && there.ends.length === 1)
    t.same(here.messages, [1])
    t.same([here.ends, there.ends], [['a message was lost'], ['a message was lost']])
    const again = await linked(harness)
    harness.wire.lose = 1
    again.there.link.send('the last one for long')
    await harness.until(() => again.here.ends.length === 1)
    t.same(again.here.ends, ['a message was lost'], 'also when nothing is sent after it')
  })

  t.test(`${name}: a link ends with the process at its other end, and the next process accepts new links`, async t => {
    const harness = await factory(t)
    const { here } = await linked(harness)
    const again = await harness.restart()
    await harness.until(() => here.ends.length === 1)
    t.same(here.ends, ['the other node is gone'])
    const { here: other } = await linked({ ...harness, b: again })
    again.close()
    await harness.until(() => other.ends.length === 1)
    t.same(other.ends, [`node ${again.node} is stopping`])
    const last = watched(harness.a.openLink(again.node, 'things', 1))
    await harness.until(() => last.ends.length === 1)
    t.same(last.ends, ['no such node is listening'])
  })

  t.test(`${name}: both sides may end a link at the same time, and then send nothing more`, async t => {
    const { a, b, wire, faults, until } = await factory(t)
    const { here, there } = await linked({ a, b, wire, faults, until } as BusHarness)
    here.link.send('last words')
    here.link.end('from here')
    there.link.end('from there')
    t.same([here.ends, there.ends], [['from here'], ['from there']])
    b.answer('still there', () => true)
    const before = wire.sent
    for (let round = 0; round < 5; round++) {
      let answer: unknown
      void a.request(b.node, 'still there', round).then(said => {
        answer = said
      })
      await until(() => answer !== undefined)
    }
    // Answers, confirmations, and packets in flight. If ends were answered with ends, there would be no limit.
    t.ok(wire.sent - before < 30, `${wire.sent - before} packets`)
  })

  t.test(`${name}: links of a kind that no one accepts are refused, and a fault ends only its link`, async t => {
    const harness = await factory(t)
    const { a, b, until } = harness
    const refused = watched(a.openLink(b.node, 'odd', 1))
    refused.link.send('unread')
    await until(() => refused.ends.length === 1)
    t.same(refused.ends, [`node ${b.node} does not accept links of the kind "odd"`])
    const { here, there } = await linked(harness)
    const { here: other, there: otherThere } = await linked(harness)
    there.link.onMessage(() => {
      throw new Error('expected')
    })
    here.link.send(1)
    other.link.send(2)
    await until(() => here.ends.length === 1 && otherThere.messages.length === 1)
    t.match(here.ends, [/a fault/])
    t.match(harness.faults, [{ message: 'expected' }])
    t.same(other.ends, [])
  })
}

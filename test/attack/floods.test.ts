import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { type Flood, floods } from '../helpers/flooder.ts'
import { measuredServer } from '../helpers/measured.ts'
import { size } from '../helpers/sizes.ts'
import { connectWs, type WsClient } from '../helpers/ws-client.ts'

/** How much a flood may delay the slowest answer in a hundred, ms. */
const MOVES_MS = 50
const FLOOD_MS = size('FLOOD_MS', { quick: 100, full: 600 })
/** A shared machine is slow at times; a server that suffers from a flood is slow in every attempt. */
const ATTEMPTS = 5

t.setTimeout(600_000)

/** Sends heartbeats until `isOver`. Resolves with the 99th percentile of the answer times, ms. */
async function p99(client: WsClient, isOver: () => boolean): Promise<number> {
  const took: number[] = []
  while (!isOver()) {
    const at = performance.now()
    client.send('heartbeat')
    await client.next('heartbeat')
    took.push(performance.now() - at)
    await delay(4)
  }
  took.sort((a, b) => a - b)
  return took[Math.floor(took.length * 0.99)]!
}

t.test('[OB5] [LM2] floods of every kind delay a bystander’s answers by less than 50 ms', async t => {
  const server = await measuredServer(t)
  // An agent may send frames at a higher rate than a user.
  const bystander = await connectWs(t, server.url, await server.token('agent', 'bystander'), '/agent')
  bystander.send('agent:connect', { bootId: 'b', inventory: [] })
  await bystander.next('connection:established')
  const flooder = fork(new URL('../helpers/flooder.js', import.meta.url))
  t.teardown(() => flooder.kill())
  const tokens = { viewer: await server.token('viewer', 'mallory'), agent: await server.token('agent', 'mallet') }
  for (const kind of Object.keys(floods) as Flood['kind'][]) {
    let moved = Number.POSITIVE_INFINITY
    let busy = Number.POSITIVE_INFINITY
    for (let i = 0; i < ATTEMPTS && Math.min(moved, busy) >= MOVES_MS; i++) {
      await server.reset()
      const quietUntil = performance.now() + FLOOD_MS / 2
      const quiet = await p99(bystander, () => performance.now() > quietUntil)
      let isOver = false
      const done = once(flooder, 'message').then(() => {
        isOver = true
      })
      flooder.send({ kind, url: server.url, ms: FLOOD_MS, ...tokens } satisfies Flood)
      const flooded = await p99(bystander, () => isOver)
      await done
      moved = Math.min(moved, flooded - quiet)
      busy = Math.min(busy, await server.delay())
    }
    // If other processes use the CPU, answers are late without the server's fault. Then its own busy time counts.
    const told = `${kind}: ${moved.toFixed(1)} ms later, busy for at most ${busy.toFixed(1)} ms`
    t.ok(moved < MOVES_MS || busy < MOVES_MS, told)
  }
  t.same(await server.faults(), [])
})

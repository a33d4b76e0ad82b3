import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { decodeAgentServerFrame, decodeServerFrame } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { fuzzer } from '../helpers/fuzz-frames.ts'
import { measuredServer } from '../helpers/measured.ts'
import { seededRandom } from '../helpers/random.ts'
import { seed, size } from '../helpers/sizes.ts'
import { connectWs } from '../helpers/ws-client.ts'

/*
 * Sends valid and mutated frames of every type to a real server over real sockets, while bystanders continue to work.
 * `npm run fuzz` sends 100,000 frames. `SEED`, which each run prints, repeats a run except for its socket timing.
 */
t.setTimeout(900_000)

const AGENTS = 3
const CLIENTS = 5
/** Frames that are sent before the peer waits for the server. */
const BATCH = 50
const PATIENCE_MS = 30_000

/** In a separate process, to notice when it stops answering. Shared by all tests: each meets what others have left. */
const server = await measuredServer(t, {
  ...{ FRAME_RATE: 100_000, FRAME_BURST: 100_000, AGENT_FRAME_RATE: 100_000 },
  ...{ FRAME_RATE_PER_PRINCIPAL: 100_000, FRAME_RATE_PER_ADDRESS: 100_000, OUTBOX_LIMIT_BYTES: 2 ** 28 },
})

/**
 * Connects one peer after another in the same role, each until it is disconnected. Resolves with the server's faults,
 * and with how many frames it accepted.
 */
async function hammer(peer: 'agent' | 'client', sub: string, token: string, frames: number, start: number) {
  const random = seededRandom(start)
  const fuzz = fuzzer(peer, random)
  const decode = peer === 'agent' ? decodeAgentServerFrame : decodeServerFrame
  const wrong: string[] = []
  let sent = 0
  let taken = 0
  while (sent < frames && wrong.length === 0) {
    const recent: string[] = []
    const socket = new WebSocket(server.url.replace('http', 'ws') + (peer === 'agent' ? '/agent' : '/ws'), {
      headers: { authorization: `Bearer ${token}` },
    })
    socket.on('error', () => {})
    const closed = once(socket, 'close')
    let heard = () => {}
    const onFrame = (text: string) => {
      const { type, payload = {} } = JSON.parse(text)
      if (type === 'pong' || (type === 'heartbeat' && peer === 'agent')) heard()
      if (type === 'command:dispatch') fuzz.commands[random.below(20)] = payload.commandId
      if (type === 'report:ack') fuzz.stored(payload.n)
      if (type === 'connection:established' && peer === 'agent') fuzz.stored(payload.ackedN)
      if (type === 'report:ack' || payload.ok === true) taken++
      const code = payload.code ?? payload.error?.code
      if (code === 'internal') wrong.push(`${sub}: internal after ${recent.join('\n').slice(-4000)}`)
      const decoded = random.below(10) === 0 ? decode(text) : undefined
      if (decoded?.ok === false) wrong.push(`${sub}: sent ${text.slice(0, 500)}: ${decoded.message}`)
    }
    // Some of its frames enable joined messages, which contain one frame per line.
    socket.on('message', data => {
      for (const text of String(data).split('\n')) onFrame(text)
    })
    await Promise.race([once(socket, 'open').catch(() => {}), closed])
    if (peer === 'agent' && random.next() < 0.95) {
      socket.send(
        JSON.stringify({ type: 'agent:connect', payload: { bootId: random.pick(['b0', 'b1']), maxConcurrency: 5 } }),
      )
    }
    while (socket.readyState === WebSocket.OPEN && sent < frames && wrong.length === 0) {
      for (let i = 0; i < BATCH; i++) {
        const frame = fuzz.next()
        recent.push(String(frame))
        socket.send(frame, { binary: typeof frame !== 'string' })
        sent++
      }
      recent.splice(0, recent.length - 2 * BATCH)
      const answered = new Promise<void>(resolve => {
        heard = resolve
      })
      // A peer without a hello gets only errors, until there are too many.
      socket.send(peer === 'agent' ? '{"type":"heartbeat","payload":{}}' : '{"type":"ping"}')
      const patience = new AbortController()
      const impatient = delay(PATIENCE_MS, 'silent', { signal: patience.signal }).catch(() => undefined)
      const mute = peer === 'agent' ? delay(300) : new Promise(() => {})
      const silent = await Promise.race([answered, closed, impatient, mute])
      patience.abort()
      if (silent === 'silent') wrong.push(`${sub}: silent after ${recent.join('\n').slice(-4000)}`)
    }
    if (random.next() < 0.3) socket.terminate()
    else socket.close()
    await closed
  }
  return { wrong, taken }
}

/** A user and an agent that keep working. Resolves with the number of commands that the agent completed. */
async function bystanders(t: Test, name: string, isOver: () => boolean): Promise<number> {
  const person = await connectWs(t, server.url, await server.token('operator', `person_${name}`))
  const agent = await connectWs(t, server.url, await server.token('agent', name), '/agent')
  agent.send('agent:connect', { bootId: 'b', inventory: [] })
  await agent.next('connection:established')
  await person.request('subscribe', { topics: [`agents.${name}.commands.*`] })
  let trips = 0
  // At least one, however soon the others finish.
  for (let n = 0; trips === 0 || !isOver(); trips++) {
    const { ok, command, error } = await person.request('command:request', { agentId: name, kind: 'shell', input: 'x' })
    if (!ok) throw new Error(`refused: ${error.message}`)
    const { commandId } = command
    await agent.next(({ type, payload }) => type === 'command:dispatch' && payload.commandId === commandId)
    agent.raw(JSON.stringify({ type: 'command:ack', n: ++n, payload: { commandId, attempt: 1 } }))
    agent.raw(
      JSON.stringify({ type: 'command:result', n: ++n, payload: { commandId, attempt: 1, status: 'succeeded' } }),
    )
    await person.next(({ type, payload }) => type === 'command:succeeded' && payload.commandId === commandId)
    await delay(50)
  }
  return trips
}

async function fuzz(t: Test, frames: number, start: number): Promise<void> {
  t.comment(`SEED=${start}, ${frames} frames`)
  let isOver = false
  const others = bystanders(t, `by_${start}`, () => isOver)
  const peers = [
    ...Array.from({ length: AGENTS }, (_, i) => ({ peer: 'agent' as const, role: 'agent' as const, sub: `fuzz${i}` })),
    ...Array.from({ length: CLIENTS }, (_, i) => ({
      peer: 'client' as const,
      role: (['admin', 'operator', 'viewer'] as const)[i % 3]!,
      sub: `client${i}`,
    })),
  ]
  const share = Math.ceil(frames / peers.length)
  const done = await Promise.all(
    peers.map(async ({ peer, role, sub }, i) => hammer(peer, sub, await server.token(role, sub), share, start + i)),
  )
  isOver = true
  const taken = done.reduce((sum, { taken }) => sum + taken, 0)
  t.ok(taken > frames / 50, `${taken} replies and acks: frames reach the code behind the decoder`)
  t.same(
    done.flatMap(({ wrong }) => wrong),
    [],
    'no frame was answered with a fault or an invalid frame',
  )
  const trips = await others
  t.ok(trips > 0, `${trips} commands of bystanders completed during the run`)
  t.same(await server.faults(), [], 'nothing was logged as a fault')
  const newcomer = await connectWs(t, server.url, await server.token('admin', 'newcomer'))
  t.match(await newcomer.request('subscribe', { topics: ['>'] }), { ok: true })
  await newcomer.next(({ type, payload }) => type === 'snapshot' && payload.more !== true)
  t.pass('the stored records can be shown')
}

t.test(
  '[TM9] a terminal that jumps ahead without output is shown all the same (found by fuzzing: it blocked the server)',
  async t => {
    const viewer = await connectWs(t, server.url, await server.token('viewer'))
    const agent = await connectWs(t, server.url, await server.token('agent', 'a1'), '/agent')
    agent.send('agent:connect', { bootId: 'b', inventory: [] })
    await agent.next('connection:established')
    await viewer.request('terminal:open', { agentId: 'a1', terminalId: 'x' })
    for (const [offset, data] of [
      [0, 'hello'],
      [1000, ''],
      [500, ''],
      [2 ** 52, ''],
      [2 ** 51, ''],
    ] as const) {
      agent.send('terminal:output', { terminalId: 'x', offset, data, encoding: 'utf8' })
    }
    agent.send('heartbeat')
    await agent.next('heartbeat')
    await viewer.request('terminal:open', { agentId: 'a1', terminalId: 'x' })
    await viewer.next('terminal:snapshot')
    t.match(await viewer.request('ping'), { timestamp: Number })
  },
)

const FRAMES = size('FUZZ_FRAMES', { quick: 1500, full: 30_000 })

t.test('[ER6] valid and mutated frames of every type do no harm, with a fixed seed', t =>
  fuzz(t, Math.round(FRAMES / 3), 20_261),
)

t.test('[ER6] valid and mutated frames of every type do no harm, with a fresh seed', t => fuzz(t, FRAMES, seed()))

import { once } from 'node:events'
import { agentPayloads, clientPayloads, isNumbered } from '@fleetwire/protocol'
import type { TSchema } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { measuredServer } from '../helpers/measured.ts'
import { largestOf, leastOf, type Named } from '../helpers/payloads.ts'
import { size, some as someOf } from '../helpers/sizes.ts'
import { connectWs, type WireFrame, type WsClient } from '../helpers/ws-client.ts'

t.setTimeout(900_000)

/** No frame may block the event loop for this long. */
const LIMIT_MS = 50
/** A busy machine stalls the server at times; a frame that takes too long does so in every attempt. */
const ATTEMPTS = size('ATTEMPTS', { quick: 5, full: 5 })
const FRAME_BYTES = 255_000

/** An agent that numbers its frames. */
class Agent {
  readonly client: WsClient
  #n = 0

  constructor(client: WsClient, n: number) {
    this.client = client
    this.#n = n
  }

  /** Sends frames, and resolves when all of them are handled. */
  async say(...frames: [type: string, payload: unknown][]): Promise<void> {
    for (const [type, payload] of frames) {
      const n = isNumbered(type) ? ++this.#n : undefined
      this.client.raw(JSON.stringify({ type, n, payload }))
    }
    this.client.send('heartbeat', {})
    await this.client.next('heartbeat')
  }
}

/** Shared by all tests; each of them has its own agents. */
const server = await measuredServer(t, {
  FRAME_RATE: 100_000,
  FRAME_BURST: 100_000,
  QUEUE_LIMIT: 100_000,
  AGENT_FRAME_RATE: 100_000,
  // The watcher runs in the same process as the senders.
  OUTBOX_LIMIT_BYTES: 2 ** 30,
})

async function start(t: Test) {
  const admin = await connectWs(t, server.url, await server.token('admin'))
  // A client that sees everything: the cost of a frame includes its delivery to others.
  const watcher = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, {
    headers: { authorization: `Bearer ${await server.token('admin', 'watcher')}` },
  })
  t.teardown(() => watcher.terminate())
  await once(watcher, 'open')
  watcher.send('{"type":"subscribe","payload":{"topics":[">"],"snapshot":false}}')
  const watched = () =>
    new Promise<void>(resolve => {
      const look = (data: Buffer) => {
        if (!data.toString('latin1', 0, 15).startsWith('{"type":"pong"')) return
        watcher.off('message', look)
        resolve()
      }
      watcher.on('message', look)
      watcher.send('{"type":"ping"}')
    })
  await watched()
  const connect = async (sub: string, hello: object = {}) => {
    const client = await connectWs(t, server.url, await server.token('agent', sub), '/agent')
    client.send('agent:connect', { bootId: 'b', inventory: [], maxConcurrency: 1000, ...hello })
    return new Agent(client, (await client.next('connection:established')).payload.ackedN)
  }
  /** The minimum of several attempts. Each is prepared, and then measured until the watcher has received everything. */
  async function measure(prepare: () => Promise<() => Promise<unknown>>): Promise<number> {
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < ATTEMPTS && least >= LIMIT_MS; i++) {
      const act = await prepare()
      await watched()
      await server.reset()
      await act()
      await watched()
      least = Math.min(least, await server.delay())
    }
    return least
  }
  return { ...server, admin, connect, measure }
}

/**
 * How many of the ways to make a schema's payload large are tried: spread over all ways, and different ones for each
 * schema. Fewer are tried for a schema that another type shares.
 */
const WAYS = size('LOOP_WAYS', { quick: 1, full: 6 })
const seen = new Set<TSchema>()
let turn = 0
function some<T>(schema: TSchema, ways: T[]): T[] {
  const count = seen.has(schema) ? Math.ceil(WAYS / 6) : WAYS
  seen.add(schema)
  turn++
  const share = (i: number) => Math.floor(((i + turn) * count) / ways.length)
  return ways.filter((_, i) => share(i) !== share(i - 1))
}

/** Ids that exist, so that frames are not merely refused. */
const names = (i: number, commandId: string): Named => ({
  ...{ agentId: 'a1', sessionId: 's', messageId: 'm', toolCallId: 't', taskId: 'k', terminalId: `t${i}`, commandId },
  ...{ interactionId: `q${i}`, attempt: 1, cols: 80, rows: 24, bootId: 'b', kind: 'shell', requestId: `r${i}` },
})

const question = (i: number) =>
  ['interaction:request', { interactionId: `q${i}`, kind: 'question', title: 'x', options: [] }] as const
const call = ['tool:start', { sessionId: 's', toolCallId: 't', name: 'n' }] as const

/** The frames that a frame of this type requires before it. */
const before: Record<string, (i: number) => (readonly [type: string, payload: object])[]> = {
  'tool:args': () => [call],
  'tool:end': () => [call],
  'message:end': () => [['message:start', { sessionId: 's', messageId: 'm' }]],
  'interaction:resolved': i => [question(i)],
  'interaction:applied': i => [question(i)],
}

const report = (t: Test, worst: [ms: number, what: string][]) => {
  worst.sort(([a], [b]) => b - a)
  for (const [ms, what] of worst.slice(0, 5)) t.comment(`${ms.toFixed(1)} ms: ${what}`)
}

t.test('[LM19] no frame of an agent blocks the event loop, whatever it contains', { timeout: 600_000 }, async t => {
  const scene = await start(t)
  const { admin, connect, measure } = scene
  let agent = await connect('a1')
  const worst: [number, string][] = []
  let i = 0
  const commandOf = async (): Promise<string> => {
    const { command } = await admin.request('command:request', { agentId: 'a1', kind: 'shell', input: 'x' })
    await agent.client.next(
      ({ type, payload }) => type === 'command:dispatch' && payload.commandId === command.commandId,
    )
    await agent.say(['command:ack', { commandId: command.commandId, attempt: 1 }])
    return command.commandId
  }
  for (const [type, schema] of Object.entries(agentPayloads) as [string, TSchema][]) {
    const isLife = type === 'agent:connect' || type === 'agent:exit'
    const hows = [...largestOf(schema, FRAME_BYTES, names(0, 'c'))].map(([how], at) => ({ how, at }))
    for (const { at, how } of hows.length > 0 ? some(schema, hows) : [{ how: 'the smallest', at: 0 }]) {
      const ms = await measure(async () => {
        // Reconnects before one socket has too many errors.
        if (i++ % 10 === 0) agent = await connect('a1')
        const named = names(i, type.startsWith('command:') ? await commandOf() : 'c')
        const payload = [...largestOf(schema, FRAME_BYTES, named)][at]?.[1]() ?? leastOf(schema, named)
        if (type === 'agent:connect') {
          const client = await connectWs(t, scene.url, await scene.token('agent', `h${i}`), '/agent')
          return async () => {
            client.send(type, payload)
            await client.next(({ type }) => type === 'connection:established' || type === 'error')
            client.socket.terminate()
          }
        }
        const speaker = isLife ? await connect(`x${i}`) : agent
        await speaker.say(...((before[type]?.(i) ?? []) as [string, object][]))
        return () => speaker.say([type, payload])
      })
      worst.push([ms, `${type} ${how}`])
      t.ok(ms < LIMIT_MS, `${type}, ${how}: ${ms.toFixed(1)} ms`)
    }
  }
  report(t, worst)
  t.same(await scene.faults(), [])
})

t.test('[LM19] no frame of a client blocks the event loop', { timeout: 300_000 }, async t => {
  const scene = await start(t)
  const agent = await scene.connect('a2')
  await agent.say(['terminal:resize', { terminalId: 't', cols: 80, rows: 24 }], question(0) as never)
  const worst: [number, string][] = []
  let i = 0
  for (const [type, schema] of Object.entries(clientPayloads) as [string, TSchema][]) {
    for (const bytes of WAYS > 1 ? [60_000, FRAME_BYTES] : [FRAME_BYTES]) {
      const named = { ...names(0, 'c'), agentId: 'a2', terminalId: 't', interactionId: 'q0', token: 'x.y.z' }
      const least: [how: string, make: () => unknown] = ['the smallest', () => leastOf(schema, named)]
      const largest = [...largestOf(schema, bytes, named)]
      const ways = WAYS > 1 ? [least, ...largest] : largest.length > 0 ? some(schema, largest) : [least]
      for (const [how, make] of ways) {
        const payload = make()
        const ms = await scene.measure(async () => {
          const client = await connectWs(t, scene.url, await scene.token('admin', `c${i % 50}`))
          return async () => {
            const id = `f${i++}`
            client.send(type, payload, id)
            client.send('ping', {}, 'last')
            const isDone = (frame: WireFrame) => frame.id === (type === 'terminal:ack' ? 'last' : id)
            await client.next(isDone)
            client.socket.terminate()
          }
        })
        worst.push([ms, `${type} ${how}`])
        t.ok(ms < LIMIT_MS, `${type}, ${how}: ${ms.toFixed(1)} ms`)
      }
    }
  }
  report(t, worst)
  t.same(await scene.faults(), [])
})

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
const inSession = (fields: object) => ({ sessionId: 's', ...fields })

/** Models in the usage of one agent. The report of each further model is stored with all previous ones. */
const MODELS = size('LOOP_MODELS', { quick: 400, full: 1000 })

/** Frames sent by an agent that already has as much as it may have. */
const upon: Record<string, { have: [type: string, payload: object][]; act: [type: string, payload: object] }> = {
  'moves in a large state': {
    have: [['state:snapshot', inSession({ snapshot: { list: times(100_000, () => 1) } })]],
    act: ['state:patch', inSession({ patch: times(4000, () => ({ op: 'move', from: '/list/0', path: '/list/99' })) })],
  },
  'moves of a large value': {
    have: [['state:snapshot', inSession({ snapshot: { a: times(60_000, i => i % 10), b: {} } })]],
    act: [
      'state:patch',
      inSession({
        patch: times(5000, i => ({ op: 'move', from: i % 2 ? '/b/x' : '/a', path: i % 2 ? '/a' : '/b/x' })),
      }),
    ],
  },
  'inserts at the front': {
    have: [['state:snapshot', inSession({ snapshot: times(120_000, () => 1) })]],
    act: ['state:patch', inSession({ patch: times(6500, () => ({ op: 'add', path: '/0', value: 1 })) })],
  },
  'comparisons with a wide object': {
    have: [['state:snapshot', inSession({ snapshot: { a: Object.fromEntries(times(22_000, i => [`k${i}`, 0])) } })]],
    act: ['state:patch', inSession({ patch: times(6000, () => ({ op: 'test', path: '/a', value: {} })) })],
  },
  'a comparison of all': {
    have: [['state:snapshot', inSession({ snapshot: times(80_000, () => []) })]],
    act: ['state:patch', inSession({ patch: [{ op: 'test', path: '', value: times(80_000, () => []) }] })],
  },
  'removals from a wide object': {
    have: [['state:snapshot', inSession({ snapshot: Object.fromEntries(times(18_000, i => [`k${i}`, 0])) })]],
    act: ['state:patch', inSession({ patch: times(6000, i => ({ op: 'remove', path: `/k${i}` })) })],
  },
  'copies that double': {
    have: [['state:snapshot', inSession({ snapshot: { a: times(1000, () => 'x') } })]],
    act: ['state:patch', inSession({ patch: times(6000, i => ({ op: 'copy', from: '', path: `/x${i}` })) })],
  },
  'copies of one long text': {
    have: [['state:snapshot', inSession({ snapshot: { a: 'x'.repeat(200_000), b: [] } })]],
    act: ['state:patch', inSession({ patch: times(3000, () => ({ op: 'copy', from: '/a', path: '/b/-' })) })],
  },
  'long paths': {
    have: [
      ['state:snapshot', inSession({ snapshot: times(60, i => i).reduce((value: object) => ({ a: value }), {}) })],
    ],
    act: [
      'state:patch',
      inSession({ patch: times(1500, () => ({ op: 'add', path: `${'/a'.repeat(60)}/b`, value: 1 })) }),
    ],
  },
  'a delta of a message of 8 Mi characters': {
    have: times(32, () => ['message:delta', inSession({ messageId: 'm', delta: '\u0001'.repeat(40_000) })]),
    act: ['message:delta', inSession({ messageId: 'm', delta: 'x' })],
  },
  'the end of a message of 8 Mi characters': {
    have: times(32, () => ['message:delta', inSession({ messageId: 'm', delta: 'x'.repeat(250_000) })]),
    act: ['message:end', inSession({ messageId: 'm' })],
  },
  'arguments after 8 Mi characters of them': {
    have: [
      call as never,
      ...times(32, () => ['tool:args', inSession({ toolCallId: 't', delta: '"'.repeat(120_000) })]),
    ] as never,
    act: ['tool:args', inSession({ toolCallId: 't', delta: '"'.repeat(120_000) })],
  },
  'the end of arguments of 8 Mi characters': {
    have: [
      call as never,
      ...times(32, () => ['tool:args', inSession({ toolCallId: 't', delta: '0,'.repeat(120_000) })]),
    ] as never,
    act: ['tool:end', inSession({ toolCallId: 't' })],
  },
  'the end of a session with as much open as allowed': {
    have: times(256, i => ['message:delta', inSession({ messageId: `m${i}`, delta: 'x'.repeat(30_000) })]),
    act: ['session:end', inSession({})],
  },
  [`usage of the last of ${MODELS} models`]: {
    have: times(MODELS, i => [
      'usage:report',
      { source: 'x'.repeat(100), model: `m${i}${'x'.repeat(100)}`, mode: 'delta', requestId: `r${i}`, inputTokens: 1 },
    ]),
    act: [
      'usage:report',
      { source: 'x'.repeat(100), model: `m0${'x'.repeat(100)}`, mode: 'delta', requestId: 'last', inputTokens: 1 },
    ],
  },
  'progress of a task of the maximum size': {
    have: [
      ['task:start', { taskId: 'k', description: '\u0001'.repeat(40_000) }],
      ['task:update', { taskId: 'k', result: times(120_000, () => 0) }],
    ],
    act: ['task:progress', { taskId: 'k', progress: 0.5 }],
  },
  'an answer to the last of a thousand questions': {
    have: times(1000, i => question(i) as never),
    act: ['interaction:resolved', { interactionId: 'q500', text: 'x' }],
  },
}

t.test('[LM19] no frame blocks the event loop when the agent has as much as allowed', async t => {
  const scene = await start(t)
  const worst: [number, string][] = []
  let i = 0
  for (const [name, { have, act }] of someOf('LOOP_UPON', 6, Object.entries(upon))) {
    const ms = await scene.measure(async () => {
      const agent = await scene.connect(`upon${i++}`)
      // Unique ids, whatever the agents of earlier attempts had.
      const own = (payload: object) =>
        Object.fromEntries(
          Object.entries(payload).map(([key, value]) => [
            key,
            ['sessionId', 'interactionId', 'taskId'].includes(key) ? `${value}_${i}` : value,
          ]),
        )
      // In batches that leave the server time to process them.
      for (let at = 0; at < have.length; at += 100) {
        await agent.say(...have.slice(at, at + 100).map(([type, payload]) => [type, own(payload)] as [string, object]))
      }
      return async () => {
        await agent.say([act[0], own(act[1])])
        agent.client.socket.terminate()
      }
    })
    worst.push([ms, name])
    t.ok(ms < LIMIT_MS, `${name}: ${ms.toFixed(1)} ms`)
  }
  report(t, worst)
  t.same(await scene.faults(), [])
})

t.test(
  '[LM19] neither the hello nor the exit of an agent that has as much as allowed blocks the event loop',
  async t => {
    const scene = await start(t)
    const worst: [number, string][] = []
    let i = 0
    const hellos: Record<string, object> = {
      inventory: {
        inventory: times(3500, n => ({ commandId: `c${n}`, attempt: 1, state: n % 2 ? 'running' : 'finished' })),
      },
      terminals: { terminals: times(1000, n => ({ terminalId: `t${n}`, cols: 80, rows: 24, offset: 5 })) },
      labels: { labels: Object.fromEntries(times(64, n => [`k${n}`, 'x'.repeat(256)])) },
    }
    for (const [name, hello] of Object.entries(hellos)) {
      const ms = await scene.measure(async () => {
        const client = await connectWs(t, scene.url, await scene.token('agent', `hello${i++}`), '/agent')
        return async () => {
          client.send('agent:connect', { bootId: 'b', ...hello })
          await client.next('connection:established')
          client.socket.terminate()
        }
      })
      worst.push([ms, name])
      t.ok(ms < LIMIT_MS, `${name}: ${ms.toFixed(1)} ms`)
    }
    for (const ending of ['agent:exit', 'agent:connect'] as const) {
      const ms = await scene.measure(async () => {
        const sub = `ending${i++}`
        const agent = await scene.connect(sub)
        for (let at = 0; at < 256; at += 64) {
          await agent.say(
            ...times(
              64,
              n =>
                [
                  'message:delta',
                  { sessionId: `${sub}${n % 8}`, messageId: `m${at + n}`, delta: 'x'.repeat(30_000) },
                ] as [string, object],
            ),
          )
        }
        if (ending === 'agent:exit') return () => agent.say(['agent:exit', { reason: 'stopped' }])
        return () => scene.connect(sub, { bootId: 'another' })
      })
      worst.push([ms, ending])
      t.ok(ms < LIMIT_MS, `${ending}: ${ms.toFixed(1)} ms`)
    }
    report(t, worst)
    t.same(await scene.faults(), [])
  },
)

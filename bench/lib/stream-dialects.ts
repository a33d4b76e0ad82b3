/** The wire formats of the agents and viewers of `bench/stream.ts`, for each server. */

export interface Hello {
  path: string
  /** Messages that a socket sends once it is connected, in order. */
  hello: string[]
  /** Messages to send once only the response to them is missing. */
  atLast?: string[]
  /** Responses until the socket is ready, counted as lines of messages. */
  readyAfter: number
}

export interface Speaker extends Hello {
  /** A part of a long message. */
  delta(text: string): string
  /** An event that cannot be merged with the one before. */
  event(text: string): string
}

export interface Dialect {
  /** A message that requires the response `pong`. */
  ping?: string
  pong?: string
  agent(i: number): Speaker
  /** A socket that watches these agents. */
  viewer(agents: number[]): Hello
}

export const agentIdOf = (i: number): string => `agent-${String(i).padStart(3, '0')}`
const sessionOf = (i: number) => `ses-${i}`
const messageOf = (i: number) => `msg-${i}`
const roomOf = (i: number) => `agents.${agentIdOf(i)}`

/** The payload of an event, the same for every server. */
const payloadOf = (i: number, text: string) => ({ sessionId: sessionOf(i), messageId: messageOf(i), delta: text })
const told = (i: number, text: string) => ({ type: 'message:delta', topic: roomOf(i), payload: payloadOf(i, text) })

/** A simple client that gets one frame per message; with `join`, it asks for joined frames as the SDK does. */
const fleetwireAs = (join: boolean): Dialect => ({
  agent(i) {
    let n = 0
    const numbered = (type: string, payload: object) => JSON.stringify({ type, n: ++n, payload })
    const connect = { bootId: `boot-${i}`, inventory: [], ...(join && { join }) }
    return {
      path: '/agent',
      hello: [
        JSON.stringify({ type: 'agent:connect', payload: connect }),
        numbered('session:start', { sessionId: sessionOf(i) }),
        numbered('message:start', { sessionId: sessionOf(i), messageId: messageOf(i), role: 'assistant' }),
      ],
      readyAfter: 2,
      delta: text => numbered('message:delta', payloadOf(i, text)),
      event: text => numbered('agent:error', { message: text }),
    }
  },
  viewer: agents => {
    const topics = agents.length === 1 ? [`${roomOf(agents[0]!)}.>`] : ['agents.>']
    const first = join
      ? { type: 'dashboard:connect', payload: { join, subscribe: topics, snapshot: false } }
      : { type: 'subscribe', payload: { topics, snapshot: false } }
    return { path: '/ws', hello: [JSON.stringify(first)], readyAfter: 2 }
  },
})

const SOCKET_IO = '/socket.io/?EIO=4&transport=websocket'
const socketIo: Dialect = {
  ping: '2',
  pong: '3',
  agent: i => {
    const emit = (text: string) => `42${JSON.stringify(['tell', roomOf(i), told(i, text)])}`
    return { path: SOCKET_IO, hello: ['40'], readyAfter: 2, delta: emit, event: emit }
  },
  viewer: agents => ({
    path: SOCKET_IO,
    hello: ['40'],
    atLast: [`42${JSON.stringify(['join', agents.map(roomOf)])}`],
    readyAfter: 3,
  }),
}

const CENTRIFUGO = '/connection/websocket'
const centrifugo: Dialect = {
  ping: '{}',
  pong: '{}',
  agent: i => {
    let id = 1
    const publish = (text: string) => JSON.stringify({ id: ++id, publish: { channel: roomOf(i), data: told(i, text) } })
    return { path: CENTRIFUGO, hello: ['{"id":1,"connect":{}}'], readyAfter: 1, delta: publish, event: publish }
  },
  viewer: agents => ({
    path: CENTRIFUGO,
    hello: [
      '{"id":1,"connect":{}}',
      ...agents.map((i, k) => JSON.stringify({ id: k + 2, subscribe: { channel: roomOf(i) } })),
    ],
    readyAfter: 1 + agents.length,
  }),
}

export const dialects = {
  fleetwire: fleetwireAs(false),
  joined: fleetwireAs(true),
  /** The agents use the SDK itself. */
  sdk: fleetwireAs(true),
  socketIo,
  centrifugo,
}
export type DialectName = keyof typeof dialects

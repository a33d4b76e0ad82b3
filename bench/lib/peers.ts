import type { SubscribersOptions } from '../load/subscribers.ts'
import type { bareFastifyWebsocket } from '../servers/bare-fastify-websocket.ts'
import type { fanOutFleetwire } from '../servers/fan-out-fleetwire.ts'
import type { fanOutSocketIo } from '../servers/fan-out-socket-io.ts'
import type { fanOutWs } from '../servers/fan-out-ws.ts'
import type { PublishOptions } from './publisher.ts'
import { type Role, startRole } from './start-role.ts'

export interface Peer {
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly how: How
  publish(options: PublishOptions): Promise<number>
  /** Collects garbage before memory is measured. */
  gc(): Promise<unknown>
  stop(): Promise<void>
}

export type How = Pick<SubscribersOptions, 'path' | 'token' | 'hello' | 'readyAfterFrames'>

const subscribe = JSON.stringify({ type: 'subscribe', payload: { topics: ['agents.>'], snapshot: false } })
const gc = { nodeArgs: ['--expose-gc'] }

/** The whole Fleetwire server; a subscriber is ready after the reply to its subscription. */
export async function fleetwire(core?: number) {
  const role = startRole<typeof fanOutFleetwire>('servers/fan-out-fleetwire.js', {
    ...gc,
    ...(core !== undefined && { core }),
  })
  const port = await role.call('listen')
  const token = await role.call('token', 'admin')
  const how: How = { path: '/ws', token, hello: [subscribe], readyAfterFrames: 2 }
  return { ...peer('fleetwire', role as unknown as Role<typeof fanOutWs>, port, how), role }
}

export async function plainWs(core?: number) {
  const role = startRole<typeof fanOutWs>('servers/fan-out-ws.js', { ...gc, ...(core !== undefined && { core }) })
  const how: How = { path: '/', hello: [], readyAfterFrames: 0 }
  return { ...peer('ws, a loop of send', role, await role.call('listen'), how), role }
}

export async function socketIo(core?: number) {
  const role = startRole<typeof fanOutSocketIo>('servers/fan-out-socket-io.js', {
    ...gc,
    ...(core !== undefined && { core }),
  })
  const how: How = { path: '/socket.io/?EIO=4&transport=websocket', hello: ['40'], readyAfterFrames: 2 }
  return { ...peer('Socket.IO 4', role as unknown as Role<typeof fanOutWs>, await role.call('listen'), how), role }
}

export async function bareFastify(core?: number): Promise<Peer> {
  const role = startRole<typeof bareFastifyWebsocket>('servers/bare-fastify-websocket.js', {
    ...gc,
    ...(core !== undefined && { core }),
  })
  const how: How = { path: '/ws', hello: ['{}'], readyAfterFrames: 1 }
  return peer('bare @fastify/websocket', role as unknown as Role<typeof fanOutWs>, await role.call('listen'), how)
}

function peer(name: string, role: Role<typeof fanOutWs>, port: number, how: How): Peer {
  return {
    ...{ name, pid: role.pid, port, how },
    publish: options => role.call('publish', options),
    gc: () => role.call('gc'),
    stop: () => role.stop(),
  }
}

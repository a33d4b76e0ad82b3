import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { wireError } from '@fleetwire/protocol'
import { rawAnswer } from '../raw-answer.ts'
import { restError } from '../rest-error.ts'
import type { ReadyNodes } from './ready-nodes.ts'

const BACKLOG = 4096

/**
 * Hands each connection to one of several nodes and passes its bytes through unchanged. Made for nodes on this machine:
 * they see the balancer's address, not the client's.
 */
export class Balancer {
  readonly #nodes: ReadyNodes
  readonly #server: Server
  readonly #sockets = new Map<Socket, string | undefined>()

  constructor(nodes: ReadyNodes) {
    this.#nodes = nodes
    // Nothing is read from the client until a node has accepted the connection.
    this.#server = createServer(
      { pauseOnConnect: true, allowHalfOpen: true, noDelay: true, keepAlive: true },
      client => {
        this.#sockets.set(client, undefined)
        client.on('error', () => client.destroy())
        client.once('close', () => this.#sockets.delete(client))
        this.#handOn(client, new Set())
      },
    )
  }

  /** Resolves with the port. */
  async listen(port: number, host: string): Promise<number> {
    this.#server.listen({ port, host, backlog: BACKLOG })
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  /** Closes the connections of a node that no longer answers: their clients would wait in vain. */
  cut(name: string): void {
    for (const [client, node] of this.#sockets) if (node === name) client.destroy()
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const client of this.#sockets.keys()) client.destroy()
    await closed
  }

  #handOn(client: Socket, tried: Set<string>): void {
    const node = this.#nodes.next(tried)
    if (node === undefined) {
      refuse(client)
      return
    }
    tried.add(node.name)
    const { hostname, port } = new URL(node.origin)
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true })
    const next = () => {
      this.#nodes.lost(node.name)
      if (!client.destroyed) this.#handOn(client, tried)
    }
    const gone = () => upstream.destroy()
    upstream.once('error', next)
    client.once('close', gone)
    upstream.once('connect', () => {
      upstream.off('error', next).on('error', () => client.destroy())
      // Only after the client has received everything that was sent.
      upstream.once('close', () => client.destroySoon())
      this.#sockets.set(client, node.name)
      client.pipe(upstream)
      upstream.pipe(client)
    })
  }
}

function refuse(client: Socket): void {
  const body = restError(wireError('unavailable', 'No node answers. Try again in a moment.'))
  client.resume()
  client.end(rawAnswer(body, { 'Retry-After': '1' }), () => client.destroy())
}

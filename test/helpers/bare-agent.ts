import type { Test } from 'tap'
import type { TestApp } from './build.ts'
import { connectWs, type WsClient } from './ws-client.ts'

/** An agent on a bare socket that sends only what the test sends. */
export class BareAgent {
  readonly #socket: WsClient
  #n = 0

  constructor(socket: WsClient) {
    this.#socket = socket
  }

  say(type: string, payload: object, numbered = true): void {
    this.#socket.raw(JSON.stringify({ type, payload, ...(numbered && { n: ++this.#n }) }))
  }

  /** Resolves when all frames sent so far have been handled. */
  async handled(): Promise<void> {
    this.#socket.raw(JSON.stringify({ type: 'heartbeat', payload: { running: [] } }))
    await this.#socket.next('heartbeat')
  }

  next(type: string) {
    return this.#socket.next(type)
  }
}

/** Connects an agent with a token that the server mints. */
export async function connectAgent(t: Test, server: TestApp, agentId: string): Promise<BareAgent> {
  const token = await server.token('agent', { sub: agentId })
  const agent = new BareAgent(await connectWs(t, server.url, token, '/agent'))
  agent.say('agent:connect', { bootId: `boot-${agentId}`, inventory: [] }, false)
  await agent.next('connection:established')
  return agent
}

import type { McpServer } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import type { Clock } from '../clock.ts'
import type { FleetPort } from './fleet-port.ts'
import { limits } from './limits.ts'
import { listenedUris, tooMany, tooManyListened } from './listened-uris.ts'
import { createMcpServer } from './mcp-server.ts'
import { ResourceUpdates } from './resource-updates.ts'

type Message = Parameters<NonNullable<StdioServerTransport['onmessage']>>[0]

export interface StdioOptions {
  port: FleetPort
  clock: Clock
  readOnly: boolean
  /** Warnings for people, on standard error. */
  warn(message: string): void
}

/** Serves one client over the standard streams. Resolves when the client has closed them. */
export function runStdio({ port, clock, readOnly, warn }: StdioOptions): Promise<void> {
  /** `single`: subscribed one by one (older protocol). `listening`: as a group, by request id (newer protocol). */
  const single = new Set<string>()
  const listening = new Map<string | number, readonly string[]>()
  let server: McpServer | undefined
  const updates = new ResourceUpdates({
    ...{ port, clock },
    updated: uris => {
      for (const uri of uris) server?.server.sendResourceUpdated({ uri }).catch((error: Error) => warn(error.message))
    },
  })
  const wanted = (more: readonly string[] = []) => new Set([...single, ...[...listening.values()].flat(), ...more])
  const place = () => updates.set(wanted())

  const transport = new WatchedTransport(message => {
    const uris = listenedUris(message)
    const { id, method, params } = message as { id?: string | number; method?: string; params?: { requestId?: string } }
    if (uris !== undefined && id !== undefined) {
      if (wanted(uris).size > limits.subscriptions) return tooManyListened(message)
      listening.set(id, uris)
      place()
    } else if (method === 'notifications/cancelled' && params?.requestId !== undefined) {
      listening.delete(params.requestId)
      place()
    }
    return undefined
  })
  return new Promise(resolve => {
    transport.ended = () => {
      updates.close()
      resolve()
    }
    serveStdio(
      () => {
        server = createMcpServer({
          ...{ port, clock, readOnly },
          onFault: error => warn(error.stack ?? error.message),
          subscriptions: {
            add: async uri => {
              if (wanted([uri]).size > limits.subscriptions) return tooMany
              single.add(uri)
              place()
              return undefined
            },
            remove: async uri => {
              single.delete(uri)
              place()
            },
          },
        })
        return server
      },
      { transport, onerror: error => warn(error.message) },
    )
  })
}

/** The standard streams, with a hook that can answer incoming messages directly, and one for the end of the streams. */
class WatchedTransport extends StdioServerTransport {
  ended = () => {}
  readonly #answer: (message: Message) => Message | undefined

  constructor(answer: (message: Message) => Message | undefined) {
    super()
    this.#answer = answer
  }

  override async start(): Promise<void> {
    const handle = this.onmessage
    this.onmessage = message => {
      const answer = this.#answer(message)
      if (answer === undefined) handle?.(message)
      else this.send(answer).catch(() => {})
    }
    const closed = this.onclose
    this.onclose = () => {
      closed?.()
      this.ended()
    }
    await super.start()
  }
}

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { Test } from 'tap'

export interface Received {
  /** The header `webhook-id`. */
  id: string
  headers: Record<string, string>
  text: string
  body: { type: string; topic: string; cursor: string; at: number; payload: Record<string, unknown> }
}

export type Respond = (request: Received, response: ServerResponse, raw: IncomingMessage) => void

export interface Receiver {
  readonly url: string
  /** Everything received, including deliveries that were refused. */
  readonly received: Received[]
  /** Answers requests. Default: 200. */
  respond: Respond
  /** If set, every signature is verified with the official library, and an invalid one fails the test. */
  secret: string | undefined
  /** Resolves with the first matching delivery, past or future. */
  next(fits: (request: Received) => boolean): Promise<Received>
  close(): Promise<void>
}

/** Answers 200, with a body. */
export const ok: Respond = (_request, response) => void response.end('thanks')

/** A webhook receiver like one that users write. It ends with the test. */
export async function startReceiver(t: Test, { port = 0, respond = ok as Respond } = {}): Promise<Receiver> {
  const received: Received[] = []
  const looks = new Set<() => void>()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      // The sender aborted the request.
      return
    }
    const text = Buffer.concat(chunks).toString()
    const headers = request.headers as Record<string, string>
    if (receiver.secret !== undefined) {
      t.doesNotThrow(() => new Webhook(receiver.secret!).verify(text, headers), 'the signature is valid')
    }
    const entry = { id: headers['webhook-id']!, headers, text, body: JSON.parse(text) }
    received.push(entry)
    receiver.respond(entry, response, request)
    for (const look of [...looks]) look()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    if (!server.listening) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  t.teardown(close)
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    respond,
    secret: undefined,
    next: fits =>
      new Promise(resolve => {
        const look = () => {
          const found = received.find(fits)
          if (found === undefined) return
          looks.delete(look)
          resolve(found)
        }
        looks.add(look)
        look()
      }),
    close,
  }
  return receiver
}

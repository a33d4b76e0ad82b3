import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { ballast, payload, TOPIC, TYPE } from '../lib/payload.ts'
import { type PublishOptions, publishAt, publishWhile } from '../lib/publisher.ts'
import { serveCalls, sharedNow } from '../lib/role.ts'

/** The naive server on `ws`: serializes each event once and sends it to every client. */
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })

export const fanOutWs = serveCalls({
  listen: (): number => (server.address() as AddressInfo).port,
  publish: (options: PublishOptions): Promise<number> =>
    publishAt(options, n => {
      const event = { type: TYPE, topic: TOPIC, cursor: `3-${n}`, at: Date.now(), payload: payload(n) }
      const text = JSON.stringify({ ...event, sentAt: Math.round(sharedNow() * 1000) })
      for (const client of server.clients) client.send(text)
    }),
  ballast: ({ events }: { events: number }): Promise<number> =>
    publishWhile(
      n => n < events,
      () => {
        const text = JSON.stringify({ type: TYPE, topic: TOPIC, payload: { message: ballast } })
        for (const client of server.clients) client.send(text)
      },
    ),
  /** The bytes buffered for the slowest reader, and the number of readers. */
  waiting: (): { bytes: number; open: number } => ({
    bytes: Math.max(0, ...[...server.clients].map(client => client.bufferedAmount)),
    open: server.clients.size,
  }),
  gc: () => globalThis.gc?.(),
})

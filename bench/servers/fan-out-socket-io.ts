import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { payload, TOPIC, TYPE } from '../lib/payload.ts'
import { type PublishOptions, publishAt, publishFlatOut } from '../lib/publisher.ts'
import { serveCalls, sharedNow } from '../lib/role.ts'
import { scattered } from '../lib/topics.ts'

/** Socket.IO as in its documentation, WebSockets only: a room, `io.to(room).emit`. */
const http = createServer()
const io = new Server(http, { transports: ['websocket'], pingInterval: 600_000, perMessageDeflate: false })
io.on('connection', socket => {
  socket.join(TOPIC)
  socket.on('join', (rooms: string[]) => {
    socket.join(rooms)
    socket.emit('joined')
  })
})

export const fanOutSocketIo = serveCalls({
  listen: (): Promise<number> =>
    new Promise(resolve => http.listen(0, '127.0.0.1', () => resolve((http.address() as AddressInfo).port))),
  publish: (options: PublishOptions): Promise<number> =>
    publishAt(options, n => {
      const event = { type: TYPE, topic: TOPIC, cursor: `3-${n}`, at: Date.now(), payload: payload(n) }
      io.to(TOPIC).emit('event', { ...event, sentAt: Math.round(sharedNow() * 1000) })
    }),
  /** Publishes to many rooms in turn, one event per turn of the event loop; resolves with the CPU time, ms. */
  flatOut: ({ events, topics }: { events: number; topics: number }): Promise<number> =>
    publishFlatOut(events, n => {
      const topic = scattered(n, topics)
      io.to(topic).emit('event', { type: TYPE, topic, cursor: `3-${n}`, at: Date.now(), payload: payload(n) })
    }),
  gc: () => globalThis.gc?.(),
})

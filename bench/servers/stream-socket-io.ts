import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { serveCalls } from '../lib/role.ts'

/** Socket.IO as in its documentation, WebSockets only: each event goes to a room. */
const http = createServer()
const io = new Server(http, { transports: ['websocket'], pingInterval: 600_000, perMessageDeflate: false })
io.on('connection', socket => {
  socket.on('join', (rooms: string[]) => {
    socket.join(rooms)
    socket.emit('joined')
  })
  socket.on('tell', (room: string, event: unknown) => io.to(room).emit('event', event))
})

export const streamSocketIo = serveCalls({
  listen: (): Promise<number> =>
    new Promise(resolve => http.listen(0, '127.0.0.1', () => resolve((http.address() as AddressInfo).port))),
})

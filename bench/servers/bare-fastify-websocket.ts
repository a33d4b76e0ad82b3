import type { AddressInfo } from 'node:net'
import websocket from '@fastify/websocket'
import Fastify from 'fastify'
import { serveCalls } from '../lib/role.ts'

/** @fastify/websocket as in its documentation: no tokens, no state, one frame in response to each frame. */
const app = Fastify()
await app.register(websocket)
app.get('/ws', { websocket: true }, socket => {
  socket.on('message', () => socket.send('{}'))
})

export const bareFastifyWebsocket = serveCalls({
  async listen(): Promise<number> {
    await app.listen({ host: '127.0.0.1', port: 0 })
    return (app.server.address() as AddressInfo).port
  },
  publish: async () => 0,
  gc: () => globalThis.gc?.(),
})

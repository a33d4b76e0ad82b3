import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A link to a port that can go silent like a cut cable: nothing is closed, and nothing passes. */
export async function cuttableLink(t: Test, target: number) {
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer(socket => {
    const onward = connect(target, '127.0.0.1')
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(from)
      from.on('data', chunk => {
        if (!isCut) to.write(chunk)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    /** Lost data cannot be recovered, so restoring the link ends existing connections. */
    cut(cut: boolean): void {
      isCut = cut
      if (!cut) for (const socket of sockets) socket.destroy()
    },
  }
}

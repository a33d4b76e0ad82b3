import type { Server } from 'node:http'
import { Socket } from 'node:net'
import type { NodeOrder, NodeReport } from './node-process.ts'

/** The node's end of the channel to the process that started it. */
export class ParentProcess {
  readonly #server: Server

  constructor(server: Server, onGreet: () => void) {
    this.#server = server
    process.on('message', (order: NodeOrder, socket: unknown) => {
      if (order === 'greet') onGreet()
      else if (socket instanceof Socket) this.#serve(socket)
    })
    // The parent is gone: nobody would stop this node any more.
    const end = () => process.kill(process.pid, 'SIGTERM')
    process.once('disconnect', end)
    // The parent may have ended while this node was starting, before this listener existed.
    if (!process.connected) end()
    // The channel must not keep this process alive.
    process.channel?.unref()
  }

  tell(report: NodeReport): void {
    if (process.connected) process.send?.(report)
  }

  /** Serves the connection as if the server had accepted it itself. */
  #serve(socket: Socket): void {
    // A closing server would never answer.
    if (!this.#server.listening) {
      socket.destroy()
      return
    }
    // The server sets this for connections that it accepts.
    socket.setNoDelay(true)
    this.#server.emit('connection', socket)
    socket.resume()
  }
}

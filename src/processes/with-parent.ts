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
    // Whoever started it is gone: nobody would stop it any more.
    const end = () => process.kill(process.pid, 'SIGTERM')
    process.once('disconnect', end)
    // It may have gone while this node was starting, when nobody listened.
    if (!process.connected) end()
    // The channel is no reason to stay.
    process.channel?.unref()
  }

  tell(report: NodeReport): void {
    if (process.connected) process.send?.(report)
  }

  /** As if the server had accepted it itself. */
  #serve(socket: Socket): void {
    // It closes, and would never answer.
    if (!this.#server.listening) {
      socket.destroy()
      return
    }
    // The server sets this for what it accepts.
    socket.setNoDelay(true)
    this.#server.emit('connection', socket)
    socket.resume()
  }
}

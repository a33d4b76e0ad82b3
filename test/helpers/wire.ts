import { nodeSocket, type SocketFactory, type SocketPort } from '@fleetwire/client/node'
import { frameLines } from '@fleetwire/protocol'

/** An SDK client's connection, which the test can destroy without a close frame, like a lost network. */
export class Wire {
  /** Number of sockets so far. */
  made = 0
  cuts = 0
  readonly #onText: (frame: string) => void
  readonly #repeats: () => boolean
  #open: SocketPort | undefined
  /** How many more frames the current socket delivers. */
  #left = Number.POSITIVE_INFINITY

  /** `repeats` decides whether a message of the client, after its first, is sent twice. */
  constructor(onText: (frame: string) => void = () => {}, { repeats = (): boolean => false } = {}) {
    this.#onText = onText
    this.#repeats = repeats
  }

  readonly socket: SocketFactory = (target, events) => {
    let isFirst = true
    const socket = nodeSocket(target, {
      ...events,
      text: text => {
        const frames = frameLines(text)
        for (const frame of frames) this.#onText(frame)
        events.text(text)
        this.#left -= frames.length
        if (port === this.#open && this.#left <= 0) this.cut()
      },
      closed: close => {
        if (port === this.#open) this.#open = undefined
        events.closed(close)
      },
    })
    const port: SocketPort = {
      ...socket,
      get bufferedAmount() {
        return socket.bufferedAmount
      },
      send: text => {
        socket.send(text)
        if (!isFirst && this.#repeats()) socket.send(text)
        isFirst = false
      },
    }
    this.made++
    this.#open = port
    return port
  }

  /** Destroys the socket, whatever its state. */
  cut(): void {
    this.#left = Number.POSITIVE_INFINITY
    if (this.#open === undefined) return
    this.cuts++
    const port = this.#open
    this.#open = undefined
    port.drop()
  }

  /** Destroys the current or next socket after this many more frames: in a greeting, a snapshot or a replay. */
  cutAfter(frames: number): void {
    this.#left = frames
  }
}

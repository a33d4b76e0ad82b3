import { nodeSocket, type SocketFactory, type SocketPort } from '@fleetwire/client/node'
import { frameLines } from '@fleetwire/protocol'

/** The way of an SDK client to its server, which the test destroys as a lost network does: without a close frame. */
export class Wire {
  /** Sockets so far. */
  made = 0
  cuts = 0
  readonly #onText: (frame: string) => void
  readonly #repeats: () => boolean
  #open: SocketPort | undefined
  /** Frames that the present socket still carries. */
  #left = Number.POSITIVE_INFINITY

  /** `repeats`: whether a message that the client sends, behind its first, is sent a second time. */
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

  /** Destroys the socket, in whatever state it is. */
  cut(): void {
    this.#left = Number.POSITIVE_INFINITY
    if (this.#open === undefined) return
    this.cuts++
    const port = this.#open
    this.#open = undefined
    port.drop()
  }

  /** Destroys the present or next socket behind this many further frames: in a greeting, a snapshot, a replay. */
  cutAfter(frames: number): void {
    this.#left = frames
  }
}

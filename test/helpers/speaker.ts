import { once } from 'node:events'
import { decodeAgentServerFrame, decodeServerFrame, frameLines, isNumbered } from '@fleetwire/protocol'
import type { WireFrame, WsClient } from './ws-client.ts'

/** The frame types sent in each direction on one kind of socket, and flaws in the server's frames. */
export class Vocabulary {
  readonly said = new Set<string>()
  readonly heard = new Set<string>()
  readonly flaws: string[] = []
  readonly peer: 'agent' | 'client'

  constructor(peer: 'agent' | 'client') {
    this.peer = peer
  }

  hear(frame: WireFrame): void {
    this.heard.add(frame.type)
    const decode = this.peer === 'agent' ? decodeAgentServerFrame : decodeServerFrame
    const decoded = decode(JSON.stringify(frame))
    if (!decoded.ok) this.flaws.push(`${frame.type}: ${decoded.message}`)
  }
}

/** One socket of a test that goes through the frame types, one after another. */
export class Speaker {
  readonly #client: WsClient
  readonly #vocabulary: Vocabulary
  readonly #over: Promise<never>
  #n = 0
  #asked = 0

  constructor(client: WsClient, vocabulary: Vocabulary) {
    this.#client = client
    this.#vocabulary = vocabulary
    this.#over = client.closed.then(code => {
      throw new Error(`closed with ${code}`)
    })
    this.#over.catch(() => {})
    for (const frame of client.frames) vocabulary.hear(frame)
    client.socket.on('message', data => {
      for (const line of frameLines(String(data))) vocabulary.hear(JSON.parse(line))
    })
  }

  get closed(): Promise<number> {
    return this.#client.closed
  }

  /** Sends a frame, with the next number if its type is numbered. */
  say(type: string, payload: object = {}, id?: string): void {
    this.#vocabulary.said.add(type)
    const n = this.#vocabulary.peer === 'agent' && isNumbered(type) ? ++this.#n : undefined
    this.#client.raw(JSON.stringify({ type, n, id, payload }))
  }

  /** Sends a request. Resolves with the payload of its reply; rejects if it is refused. */
  async ask(type: string, payload: object = {}): Promise<WireFrame['payload']> {
    const id = `ask${++this.#asked}`
    this.say(type, payload, id)
    const { payload: reply } = await this.#frame(frame => frame.type === 'reply' && frame.id === id)
    if (!reply.ok) throw new Error(`${type}: ${reply.error.message}`)
    return reply
  }

  /** Resolves with the payload of the first frame, past or future, of this type and with these fields. */
  async saw(type: string, fields: object = {}): Promise<WireFrame['payload']> {
    const fits = (frame: WireFrame) =>
      frame.type === type && Object.entries(fields).every(([key, value]) => frame.payload[key] === value)
    return (await this.#frame(fits)).payload
  }

  pause(): void {
    this.#client.socket.pause()
  }

  resume(): void {
    this.#client.socket.resume()
  }

  async #frame(fits: (frame: WireFrame) => boolean): Promise<WireFrame> {
    for (;;) {
      const found = this.#client.frames.find(fits)
      if (found !== undefined) return found
      await Promise.race([once(this.#client.socket, 'message'), this.#over])
    }
  }
}

import { type ClientRequest, get, type IncomingMessage } from 'node:http'
import type { Test } from 'tap'

export interface SseEvent {
  event: string
  id: string
  // biome-ignore lint/suspicious/noExplicitAny: tests inspect payloads of every type
  data: any
}

/** Reads server-sent events as specified, but does not reconnect. */
export class SseClient {
  readonly events: SseEvent[] = []
  readonly response: IncomingMessage
  readonly ended: Promise<void>
  /** What a browser would send as `Last-Event-ID`. */
  lastEventId = ''
  comments = 0
  retryMs: number | undefined
  #text = ''
  #looked = 0
  #look = () => {}

  constructor(response: IncomingMessage) {
    this.response = response
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => this.#take(chunk))
    response.on('error', () => {})
    this.ended = new Promise(resolve => response.on('close', resolve))
  }

  /** Resolves with the next event of a type, after those that earlier calls have consumed. */
  async next(event: string): Promise<SseEvent> {
    for (;;) {
      while (this.#looked < this.events.length) {
        const found = this.events[this.#looked++]!
        if (found.event === event) return found
      }
      await this.change()
    }
  }

  close(): void {
    this.response.destroy()
  }

  /** Resolves when more data has arrived. */
  change(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#look = resolve
      this.ended.then(() => reject(new Error('the stream ended')))
    })
  }

  #take(chunk: string): void {
    const blocks = (this.#text + chunk).split('\n\n')
    this.#text = blocks.pop()!
    for (const block of blocks) this.#block(block.split('\n'))
    this.#look()
  }

  #block(lines: string[]): void {
    let event = 'message'
    let data = ''
    for (const line of lines) {
      const [, name, value] = /^([^:]*): ?(.*)$/.exec(line)!
      if (name === '') this.comments++
      else if (name === 'event') event = value!
      else if (name === 'id') this.lastEventId = value!
      else if (name === 'data') data += value
      else if (name === 'retry') this.retryMs = Number(value)
    }
    if (data !== '') this.events.push({ event, id: this.lastEventId, data: JSON.parse(data) })
  }
}

/** Opens `/api/v1/events/stream`; the test closes it. */
export async function openStream(
  t: Test,
  url: string,
  token: string | undefined,
  { query = '', lastEventId }: { query?: string; lastEventId?: string } = {},
): Promise<SseClient> {
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
  }
  return openSse(t, `${url}/api/v1/events/stream${query}`, headers)
}

/** Opens any stream of server-sent events; the test closes it. */
export async function openSse(t: Test, url: string, headers: Record<string, string>): Promise<SseClient> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request: ClientRequest = get(url, { headers, agent: false }, resolve)
    request.on('error', reject)
    t.teardown(() => request.destroy())
  })
  return new SseClient(response)
}

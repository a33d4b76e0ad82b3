import { AgentClient, type CommandHandler } from '@fleetwire/client/node'
import type { Test } from 'tap'
import type { TestApp } from './build.ts'

/** An SDK agent in this process that stops when the test ends. */
export async function promptAgent(
  t: Test,
  server: Pick<TestApp, 'url' | 'token'>,
  agentId: string,
  handlers: Record<string, CommandHandler>,
  options: Partial<ConstructorParameters<typeof AgentClient>[0]> = {},
): Promise<AgentClient> {
  const token = await server.token('agent', { sub: agentId })
  const agent = new AgentClient({ url: server.url, token, handlers, ...options })
  t.teardown(() => agent.stop({ graceMs: 100 }))
  const online = new Promise<void>(resolve => {
    agent.status.subscribe(({ state }) => state === 'online' && resolve())
  })
  await agent.start()
  await online
  return agent
}

// biome-ignore lint/suspicious/noExplicitAny: tests inspect events of every type
export type Event = { type: string; [field: string]: any }

export interface Frame {
  id: string | undefined
  event: Event
}

export const bodyOf = (fields: object = {}) => ({
  ...{
    threadId: 'thread',
    runId: 'run',
    protocolVersion: '1.0',
    tools: [],
    context: [],
    state: {},
    forwardedProps: {},
  },
  messages: [{ id: 'u1', role: 'user', content: 'hello' }],
  ...fields,
})

/** Reads the stream of a run, frame by frame. */
export class RunReader {
  readonly frames: Frame[] = []
  readonly response: Response
  readonly #abort: AbortController
  comments = 0
  #isOver = false
  #look = () => {}
  /** Resolves when the stream has ended; rejects if it was aborted. */
  readonly ended: Promise<void>

  constructor(response: Response, abort: AbortController) {
    this.response = response
    this.#abort = abort
    this.ended = this.#read()
    this.ended.catch(() => {})
  }

  get types(): string[] {
    return this.frames.map(({ event }) => event.type)
  }

  get lastId(): string {
    return this.frames.findLast(({ id }) => id !== undefined)?.id ?? ''
  }

  /** Resolves with the first matching event of this type, past or future. */
  async event(type: string, fits: (event: Event) => boolean = () => true): Promise<Event> {
    for (;;) {
      const found = this.frames.find(({ event }) => event.type === type && fits(event))
      if (found !== undefined) return found.event
      if (this.#isOver) throw new Error(`The stream ended without ${type}: ${this.types.join(' ')}`)
      await new Promise<void>(resolve => {
        this.#look = resolve
      })
    }
  }

  /** Resolves with all events, at the end. */
  async all(): Promise<Event[]> {
    await this.ended
    return this.frames.map(({ event }) => event)
  }

  cut(): void {
    this.#abort.abort()
  }

  async #read(): Promise<void> {
    let waiting: string[] = []
    let last = ''
    const decoder = new TextDecoder()
    try {
      for await (const chunk of this.response.body!) {
        const text = decoder.decode(chunk, { stream: true })
        waiting.push(text)
        // A block of megabytes arrives in many chunks. Only the new chunk is searched for the end of the block.
        const isWhole = (last + text).includes('\n\n')
        last = (last + text).slice(-1)
        if (!isWhole) continue
        const blocks = waiting.join('').split('\n\n')
        waiting = [blocks.pop()!]
        for (const block of blocks) this.#block(block)
        this.#look()
      }
    } finally {
      this.#isOver = true
      this.#look()
    }
  }

  #block(block: string): void {
    let id: string | undefined
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) this.comments++
      else if (line.startsWith('id: ')) id = line.slice(4)
      else if (line.startsWith('data: ')) this.frames.push({ id, event: JSON.parse(line.slice(6)) })
    }
  }
}

export interface Ask {
  token: string
  body?: object
  lastEventId?: string
}

/** Opens an AG-UI stream: by POST if there is a body, otherwise by GET. */
export async function openRun(t: Test, url: string, { token, body, lastEventId }: Ask): Promise<RunReader> {
  const abort = new AbortController()
  t.teardown(() => abort.abort())
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: abort.signal,
  })
  return new RunReader(response, abort)
}

/** The text of each message, assembled like a client does. */
export function textsOf(events: readonly Event[]): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const event of events) {
    if (event.type === 'TEXT_MESSAGE_START') texts[event.messageId] ??= ''
    else if (event.type === 'TEXT_MESSAGE_CONTENT') texts[event.messageId] += event.delta
    else if (event.type === 'MESSAGES_SNAPSHOT')
      for (const { id, role, content = '' } of event.messages) if (role === 'assistant') texts[id] = content
  }
  return texts
}

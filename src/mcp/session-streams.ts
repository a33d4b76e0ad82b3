import type { Clock } from '../clock.ts'
import { Fleet, type Page, Refusal } from './fleet.ts'
import type { FleetPort } from './fleet-port.ts'
import type { McpSessions, SessionRecord } from './mcp-sessions.ts'
import { ResourceUpdates } from './resource-updates.ts'
import { parseUri, topicsOf } from './resource-uri.ts'

/** Maximum number of log pages read to find a missed change; beyond that, the resource counts as changed. */
const MAX_PAGES = 3

export interface SessionStreamsOptions {
  sessions: McpSessions
  clock: Clock
  /** Cursor of the newest event that the watches have seen; first delivers pending events to all watches. */
  position(): string
}

export interface OpenOptions {
  port: FleetPort
  write(frame: Buffer): void
  /** Ends the response: another stream of the session replaced it, or the session ended. */
  end(): void
  /** The last cursor that the client received; undefined if it may have missed anything. */
  since: string | undefined
}

interface Open {
  updates: ResourceUpdates
  seq: number
  end(): void
}

/**
 * The streams that report changes to clients of the 2025 protocol, one per session. Subscriptions arrive with other
 * requests, which may come before, during or after a stream.
 */
export class SessionStreams {
  readonly #options: SessionStreamsOptions
  readonly #open = new Map<string, Open>()
  #unfollow: (() => void) | undefined

  constructor(options: SessionStreamsOptions) {
    this.#options = options
  }

  /** Resolves with a function that must be called once the response is closed. */
  async open(key: string, { port, write, end, since }: OpenOptions): Promise<() => void> {
    const { sessions, clock, position } = this.#options
    const updates = new ResourceUpdates({
      ...{ port, clock },
      settle: () => void position(),
      updated: uris => write(updatesFrame(uris, position())),
    })
    const stream: Open = { updates, end, seq: 0 }
    this.#open.get(key)?.end()
    this.#open.set(key, stream)
    this.#unfollow ??= sessions.follow((changed, record, seq) => this.#changed(changed, record, seq))
    const { record, seq } = await sessions.get(key)
    this.#changed(key, record, seq)
    if (!record.ended) void this.#tellMissed(stream, record.uris, since, port)
    return () => this.#forget(key, stream)
  }

  #changed(key: string, record: SessionRecord, seq: number): void {
    const stream = this.#open.get(key)
    if (stream === undefined || seq < stream.seq) return
    stream.seq = seq
    if (record.ended) stream.end()
    else stream.updates.set(record.uris)
  }

  async #tellMissed(
    { updates }: Open,
    uris: readonly string[],
    since: string | undefined,
    port: FleetPort,
  ): Promise<void> {
    await updates.ready()
    for (const uri of uris) if (since === undefined || (await hasChanged(port, uri, since))) updates.changed(uri)
  }

  #forget(key: string, stream: Open): void {
    stream.updates.close()
    if (this.#open.get(key) === stream) this.#open.delete(key)
    if (this.#open.size > 0) return
    this.#unfollow?.()
    this.#unfollow = undefined
  }
}

/** Whether there is an event of the resource after this cursor, as far as the log still goes. */
async function hasChanged(port: FleetPort, uri: string, since: string): Promise<boolean> {
  const resource = parseUri(uri)
  if (resource === undefined) return false
  const fleet = new Fleet(port)
  const topics = topicsOf(resource).join(',')
  let after: string | null = since
  for (let i = 0; i < MAX_PAGES; i++) {
    try {
      const page: Page<unknown> = await fleet.get('/events', { topics, after, limit: 1 })
      if (page.items.length > 0) return true
      if (page.nextCursor === null) return false
      after = page.nextCursor
    } catch (error) {
      // The cursor has left retention, or the log cannot be read: reading the resource again does no harm.
      return !(error instanceof Refusal && error.code === 'forbidden')
    }
  }
  return true
}

/** Only the last message carries the cursor, so a client that missed one of them gets all of them again. */
const updatesFrame = (uris: readonly string[], cursor: string): Buffer =>
  Buffer.from(
    uris
      .map((uri, i) => {
        const message = { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } }
        const id = i === uris.length - 1 ? `id: ${cursor}\n` : ''
        return `event: message\n${id}data: ${JSON.stringify(message)}\n\n`
      })
      .join(''),
  )

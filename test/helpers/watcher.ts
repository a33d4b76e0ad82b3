import { DashboardClient } from '@fleetwire/client/node'
import { Notes } from './notes.ts'
import { Wire } from './wire.ts'

export interface WatcherOptions {
  url: string
  token: string
  patterns: string[]
  /** The pause between a lost socket and the next attempt. */
  offlineMs?: number
}

/** An SDK dashboard that records everything it receives. */
export class Watcher {
  readonly patterns: string[]
  readonly client: DashboardClient
  /** Cursors of the events that reached the handlers, in order. */
  readonly cursors = new Notes<string>()
  readonly snapshots = new Notes<{ topic: string; payload: unknown }[]>()
  readonly resyncs: string[] = []
  /** Events received on its sockets, because the SDK would hide duplicates. */
  frames = 0
  /** The server's announcements before it closed a socket. */
  readonly closings: { code: number; reconnectAfterMs?: number }[] = []
  readonly wire = new Wire(text => {
    const frame = JSON.parse(text)
    if ('topic' in frame && frame.type !== 'agent:summary') this.frames++
    else if (frame.type === 'connection:closing') this.closings.push(frame.payload)
  })

  constructor({ url, token, patterns, offlineMs = 0 }: WatcherOptions) {
    this.patterns = patterns
    this.client = new DashboardClient({
      url,
      token,
      socket: this.wire.socket,
      random: () => 1,
      reconnect: { baseMs: offlineMs, capMs: offlineMs },
    })
    this.client.subscribe(patterns, {
      snapshot: ({ records }) => this.snapshots.note(records),
      resync: reason => this.resyncs.push(reason),
      // Summaries are not in the history, so there is nothing to compare them with.
      event: ({ type, cursor }) => {
        if (type !== 'agent:summary') this.cursors.note(cursor)
      },
    })
    this.client.connect()
  }

  /** Resolves when it has a snapshot; it gets every event afterwards. */
  ready(): Promise<void> {
    return this.snapshots.until(({ length }) => length > 0)
  }

  /** Resolves when the last of these cursors has arrived. */
  reached(due: readonly string[]): Promise<void> {
    return this.cursors.until(have => have.at(-1) === due.at(-1))
  }

  /** The first difference between received and due events; undefined if there is none. */
  flaw(due: readonly string[]): object | undefined {
    const have = this.cursors.items
    for (let i = 0; i < Math.max(have.length, due.length); i++) {
      if (have[i] !== due[i]) return { at: i, have: have.slice(i, i + 3), due: due.slice(i, i + 3) }
    }
    return this.frames === due.length ? undefined : { frames: this.frames, due: due.length }
  }
}

import { DashboardClient } from '@fleetwire/client/node'
import { Notes } from './notes.ts'
import { Wire } from './wire.ts'

export interface WatcherOptions {
  url: string
  token: string
  patterns: string[]
  /** From a lost socket to the next attempt. */
  offlineMs?: number
}

/** A dashboard of the SDK that keeps account of what it was given. */
export class Watcher {
  readonly patterns: string[]
  readonly client: DashboardClient
  /** Cursors of the events that reached the handlers, in their order. */
  readonly cursors = new Notes<string>()
  readonly snapshots = new Notes<{ topic: string; payload: unknown }[]>()
  readonly resyncs: string[] = []
  /** Events that came over its sockets: the SDK would hide one that came twice. */
  frames = 0
  /** What the server said before it closed a socket. */
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
      // Summaries are in no history that they could be compared with.
      event: ({ type, cursor }) => {
        if (type !== 'agent:summary') this.cursors.note(cursor)
      },
    })
    this.client.connect()
  }

  /** Resolves when it has a snapshot, and so will get every event from then on. */
  ready(): Promise<void> {
    return this.snapshots.until(({ length }) => length > 0)
  }

  /** Resolves when the last of these has come. */
  reached(due: readonly string[]): Promise<void> {
    return this.cursors.until(have => have.at(-1) === due.at(-1))
  }

  /** Where what it was given differs from what it was due; undefined when it does not. */
  flaw(due: readonly string[]): object | undefined {
    const have = this.cursors.items
    for (let i = 0; i < Math.max(have.length, due.length); i++) {
      if (have[i] !== due[i]) return { at: i, have: have.slice(i, i + 3), due: due.slice(i, i + 3) }
    }
    return this.frames === due.length ? undefined : { frames: this.frames, due: due.length }
  }
}

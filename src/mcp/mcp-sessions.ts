import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { changeRecord } from '../log/change-record.ts'
import type { EventLog, FleetEvent } from '../log/event-log.ts'
import { LOG_UNAVAILABLE } from '../outcome.ts'
import { limits } from './limits.ts'
import { tooMany } from './listened-uris.ts'

/** What is kept of a session: the resources that it subscribed to, or that its client ended it. */
export type SessionRecord = { uris: readonly string[]; ended?: undefined } | { ended: true }

const PREFIX = '$mcp.'
const none: SessionRecord = { uris: [] }
const form = /^[A-Za-z0-9_-]{16,128}$/

/**
 * Sessions of the protocol of 2025, of which only the subscriptions and the end are kept, in the log: so a restart of
 * the server loses nothing. A session gives no right: each request shows its token. So an id needs no record until there
 * is something to remember, and an id of another subject is simply another session.
 */
export class McpSessions {
  readonly #log: Pick<EventLog, 'append' | 'get' | 'follow'>
  readonly #clock: Pick<Clock, 'now'>

  constructor(log: Pick<EventLog, 'append' | 'get' | 'follow'>, clock: Pick<Clock, 'now'>) {
    this.#log = log
    this.#clock = clock
  }

  newId(): string {
    return randomBytes(24).toString('base64url')
  }

  /** The name of the session of a subject in the log; undefined if that is no id of a session. */
  keyOf(sub: string, sessionId: string): string | undefined {
    if (!form.test(sessionId)) return undefined
    return createHash('sha256').update(`${sessionId}\n${sub}`).digest('base64url').slice(0, 32)
  }

  /** With the place of the record in the log, to compare with what `follow` tells. */
  async get(key: string): Promise<{ record: SessionRecord; seq: number }> {
    const record = await this.#log.get(PREFIX + key)
    return { record: (record?.payload as SessionRecord | undefined) ?? none, seq: record?.version ?? 0 }
  }

  /** Calls back with each change of any session. */
  follow(changed: (key: string, record: SessionRecord, seq: number) => void): () => void {
    return this.#log.follow(events => {
      for (const { topic, payload, seq } of events as readonly FleetEvent[])
        if (topic.startsWith(PREFIX)) changed(topic.slice(PREFIX.length), payload as SessionRecord, seq)
    })
  }

  /** Returns why it cannot be kept. */
  subscribe(key: string, uri: string): Promise<string | undefined> {
    return this.#change(key, uris => {
      const others = uris.filter(each => each !== uri)
      if (others.length >= limits.subscriptions) return tooMany
      // Written again also if it is there, so that it is kept for as long as a new one.
      return [...others, uri]
    })
  }

  unsubscribe(key: string, uri: string): Promise<string | undefined> {
    return this.#change(key, uris => (uris.includes(uri) ? uris.filter(each => each !== uri) : undefined))
  }

  /** Returns why it cannot be kept. */
  async end(key: string): Promise<string | undefined> {
    const appended = await this.#log.append([this.#draft(key, { ended: true })])
    return appended.status === 'ok' ? undefined : LOG_UNAVAILABLE
  }

  /** `change` returns the new list, why there is none, or undefined where it stays as it is. */
  async #change(
    key: string,
    change: (uris: readonly string[]) => readonly string[] | string | undefined,
  ): Promise<string | undefined> {
    const changed = await changeRecord<SessionRecord, string | undefined>(this.#log, {
      topic: PREFIX + key,
      decide: (current = none) => {
        if (current.ended) return { to: 'same', why: 'This session has ended.' }
        const uris = change(current.uris)
        if (uris === undefined || typeof uris === 'string') return { to: 'same', why: uris }
        return { to: 'next', value: { uris }, draft: this.#draft(key, { uris }) }
      },
    })
    if (changed.status === 'same') return changed.why
    return changed.status === 'changed' ? undefined : LOG_UNAVAILABLE
  }

  #draft(key: string, payload: SessionRecord) {
    const expiresAt = this.#clock.now() + limits.sessionMs
    return { type: 'mcp:session', topic: PREFIX + key, payload, record: 'set' as const, expiresAt }
  }
}

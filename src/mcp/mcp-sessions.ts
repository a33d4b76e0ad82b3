import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { changeRecord } from '../log/change-record.ts'
import type { EventLog, FleetEvent } from '../log/event-log.ts'
import { LOG_UNAVAILABLE } from '../outcome.ts'
import { limits } from './limits.ts'
import { tooMany } from './listened-uris.ts'

/** The stored part of a session: the resources that it subscribed to, or the fact that its client ended it. */
export type SessionRecord = { uris: readonly string[]; ended?: undefined } | { ended: true }

const PREFIX = '$mcp.'
const none: SessionRecord = { uris: [] }
const form = /^[A-Za-z0-9_-]{16,128}$/

/**
 * Sessions of the 2025 protocol. Only their subscriptions and their end are kept, in the log, so a restart of the
 * server loses nothing. A session grants no rights: each request carries its token. So an id needs no record until
 * there is something to store, and the same id used by another subject is another session.
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

  /** The key of a subject's session in the log; undefined if `sessionId` is malformed. */
  keyOf(sub: string, sessionId: string): string | undefined {
    if (!form.test(sessionId)) return undefined
    return createHash('sha256').update(`${sessionId}\n${sub}`).digest('base64url').slice(0, 32)
  }

  /** Includes the record's log position, to compare with those from `follow`. */
  async get(key: string): Promise<{ record: SessionRecord; seq: number }> {
    const record = await this.#log.get(PREFIX + key)
    return { record: (record?.payload as SessionRecord | undefined) ?? none, seq: record?.version ?? 0 }
  }

  /** Calls back for each change of any session. */
  follow(changed: (key: string, record: SessionRecord, seq: number) => void): () => void {
    return this.#log.follow(events => {
      for (const { topic, payload, seq } of events as readonly FleetEvent[])
        if (topic.startsWith(PREFIX)) changed(topic.slice(PREFIX.length), payload as SessionRecord, seq)
    })
  }

  /** Resolves with the reason if the subscription cannot be stored. */
  subscribe(key: string, uri: string): Promise<string | undefined> {
    return this.#change(key, uris => {
      const others = uris.filter(each => each !== uri)
      if (others.length >= limits.subscriptions) return tooMany
      // Written again even if present, which renews its expiry.
      return [...others, uri]
    })
  }

  unsubscribe(key: string, uri: string): Promise<string | undefined> {
    return this.#change(key, uris => (uris.includes(uri) ? uris.filter(each => each !== uri) : undefined))
  }

  /** Resolves with the reason if the end cannot be stored. */
  async end(key: string): Promise<string | undefined> {
    const appended = await this.#log.append([this.#draft(key, { ended: true })])
    return appended.status === 'ok' ? undefined : LOG_UNAVAILABLE
  }

  /** `change` returns the new list, the reason for a refusal, or undefined to leave the list as it is. */
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

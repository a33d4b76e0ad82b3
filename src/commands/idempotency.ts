import { createHash } from 'node:crypto'
import { isObject } from '../is-object.ts'
import type { LogRecord } from '../log/event-log.ts'
import type { SubmitRequest } from './command-types.ts'

/** The minimum time for which a key protects its command, ms. */
export const IDEMPOTENCY_TTL_MS = 24 * 60 * 60_000

const digest = (text: string) => createHash('sha256').update(text).digest('base64url')

/** The topic of a key's record: one per agent and key, whatever characters the key has. */
export const idempotencyTopic = (agentId: string, key: string): string => `$idempotency.${agentId}.${digest(key)}`

/** The topic of a batch key's record. A key belongs to its caller, who cannot know the keys of others. */
export const batchKeyTopic = (sub: string, key: string): string => `$batch-keys.${digest(`${sub} ${key}`)}`

interface KeyRecord {
  commandId: string
  bodyHash: string
  usedAt: number
}

/** Equal for requests with the same content, whatever the order of their fields. */
export function bodyHash(request: object): string {
  const { idempotencyKey: _, createdBy: __, ...body } = request as Partial<SubmitRequest>
  return digest(JSON.stringify(body, (_key, value) => (isObject(value) ? sorted(value) : value)))
}

const sorted = (object: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))

export type KeyState = { state: 'free'; version: number } | { state: 'used'; commandId: string; sameBody: boolean }

/**
 * The current state of a key. `version` is what a claim of the key must expect. The key becomes free when its record is
 * removed, not by the wall clock: a clock jump must not turn a repeated request into a second command.
 */
export function keyState(record: LogRecord | undefined, hash: string): KeyState {
  if (record === undefined) return { state: 'free', version: 0 }
  const key = record.payload as KeyRecord
  return { state: 'used', commandId: key.commandId, sameBody: key.bodyHash === hash }
}

/** The draft that claims a key. It goes first in the append that stores the command. */
export function claimDraft(topic: string, commandId: string, hash: string, now: number, version: number) {
  const payload: KeyRecord = { commandId, bodyHash: hash, usedAt: now }
  return {
    type: 'idempotency:claimed',
    topic,
    payload,
    record: 'set' as const,
    expect: version,
    expiresAt: now + IDEMPOTENCY_TTL_MS,
  }
}

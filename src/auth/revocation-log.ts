import type { Actor } from '../caller.ts'
import type { Clock } from '../clock.ts'
import { Listeners } from '../listeners.ts'
import { auditDrafts } from '../log/audit.ts'
import { eachRecord } from '../log/each-record.ts'
import type { AppendResult, EventDraft, EventLog, FleetEvent, Unfollow } from '../log/event-log.ts'
import { covers, holdsAll } from './permissions.ts'
import type { Principal } from './principal.ts'
import { type Revocation, Revocations } from './revocations.ts'
import { TOKEN_REVOKED, TOKENS, type TokenRecord, tokenDraft } from './token-record.ts'
import { isId, userKeyOf } from './user-key.ts'

export type Unavailable = Extract<AppendResult, { status: 'unavailable' }>

/**
 * `full`: revocations of subjects, and of tokens that were not minted here, are kept forever, so their number is
 * limited.
 */
export type RevokeResult =
  | { status: 'revoked' }
  | { status: 'not_found' }
  | { status: 'full'; limit: number }
  | Unavailable

/**
 * Who revokes. Without a holder, the caller is code in this process. A token with rights that the holder does not have
 * counts as not found.
 */
export interface RevokedBy {
  holder?: Principal
  actor?: Actor
}

export interface RevocationLogPorts {
  log: EventLog
  clock: Clock
  /**
   * The maximum number of revocations kept. Those of tokens minted here count too, but are never refused. Expired ones
   * are removed only at the limit: if a clock jumped ahead and back, removing them earlier would make their tokens
   * valid again.
   */
  limit?: number
}

interface ForeignRecord {
  jti: string
  revokedAt: number
  revokedBy?: string
  expiresAt?: number
}
interface SubjectRecord {
  sub: string
  issuedBefore: number
  revokedBy: string
}

const FOREIGN = '$revoked-tokens'
const SUBJECTS = '$revocations'
const SUBJECT_REVOKED = 'subject:revoked'

/**
 * The revocations, kept in the log: none is lost in a restart, and every node learns of each. `start` reads the records
 * and then follows the log.
 */
export class RevocationLog {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #limit: number
  readonly #known = new Revocations()
  readonly #listeners = new Listeners<[Revocation]>()
  #unfollow: Unfollow | undefined

  constructor({ log, clock, limit = Number.POSITIVE_INFINITY }: RevocationLogPorts) {
    this.#log = log
    this.#clock = clock
    this.#limit = limit
  }

  /** Follows before it reads, so that a revocation in between is seen twice rather than never. */
  async start(): Promise<void> {
    if (this.#unfollow !== undefined) return
    this.#unfollow = this.#log.follow(events => this.#learn(events))
    await this.#fold(TOKENS, { status: 'revoked' })
    await this.#fold(FOREIGN)
    await this.#fold(SUBJECTS)
  }

  stop(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
  }

  has(principal: Parameters<Revocations['has']>[0]): boolean {
    return this.#known.has(principal)
  }

  /** Epoch ms; 0 if the subject was never revoked. */
  issuedBefore(sub: string): number {
    return this.#known.issuedBefore(sub)
  }

  /** Calls the listener for every revocation by any node, so that open connections can be closed. */
  onRevoked(listener: (revocation: Revocation) => void): () => void {
    return this.#listeners.add(listener)
  }

  /**
   * Idempotent. Works for any token: one from another issuer, or from another program with the same secret, is revoked
   * by its `jti` alone. For such a token, `expiresAt` (epoch ms) says how long to keep the revocation; without it, the
   * revocation is kept forever.
   */
  async revokeToken(
    jti: string,
    foreign: Omit<ForeignRecord, 'jti' | 'revokedAt'> = {},
    { holder, actor }: RevokedBy = {},
  ): Promise<RevokeResult> {
    const told = auditDrafts(actor, 'token:revoke', jti, this.#clock.now())
    // The `jti` of a token minted here is always an id.
    let record = isId(jti) ? await this.#log.get(`${TOKENS}.${jti}`) : undefined
    while (record !== undefined) {
      const token = record.payload as TokenRecord
      if (holder !== undefined && !covers(holder, token)) return { status: 'not_found' }
      if (token.status === 'revoked') return { status: 'revoked' }
      const revoked = tokenDraft(TOKEN_REVOKED, { ...token, status: 'revoked', revokedAt: this.#clock.now() })
      const result = await this.#log.append([{ ...revoked, expect: record.version }, ...told])
      if (result.status === 'unavailable') return result
      if (result.status === 'ok') return { status: 'revoked' }
      record = result.current
    }
    if (holder !== undefined && !holdsAll(holder)) return { status: 'not_found' }
    const { expiresAt } = foreign
    const known = this.#known.revokedUntil(jti) ?? 0
    if (known >= (expiresAt ?? Number.POSITIVE_INFINITY)) return { status: 'revoked' }
    const payload: ForeignRecord = { jti, revokedAt: this.#clock.now(), ...foreign }
    const draft: EventDraft = { type: TOKEN_REVOKED, topic: `${FOREIGN}.${userKeyOf(jti)}`, payload, record: 'set' }
    return this.#keep([{ ...draft, ...(expiresAt !== undefined && { expiresAt }) }, ...told], known > 0)
  }

  /** Revokes all tokens issued to `sub` until now, by any issuer. There is one record per subject. */
  async revokeSubject(sub: string, revokedBy: string, { holder, actor }: RevokedBy = {}): Promise<RevokeResult> {
    // The rights of tokens from other issuers are not known here.
    if (holder !== undefined && !holdsAll(holder)) return { status: 'not_found' }
    const issuedBefore = (Math.floor(this.#clock.now() / 1000) + 1) * 1000
    const payload: SubjectRecord = { sub, issuedBefore, revokedBy }
    const draft: EventDraft = {
      type: SUBJECT_REVOKED,
      topic: `${SUBJECTS}.${userKeyOf(sub)}`,
      payload,
      record: 'set',
    }
    const told = auditDrafts(actor, 'subject:revoke', sub, this.#clock.now())
    return this.#keep([draft, ...told], this.issuedBefore(sub) > 0)
  }

  async #keep(drafts: EventDraft[], isKnown: boolean): Promise<RevokeResult> {
    if (!isKnown && this.#isFull()) return { status: 'full', limit: this.#limit }
    const result = await this.#log.append(drafts)
    return result.status === 'unavailable' ? result : { status: 'revoked' }
  }

  async #fold(kind: string, where?: { status: string }): Promise<void> {
    for await (const { topic, payload } of eachRecord(this.#log, { kind, ...(where && { where }) }))
      this.#add(revocationOf(topic, payload))
  }

  #learn(events: readonly FleetEvent[]): void {
    const fresh = events
      .filter(({ type, topic }) => topic.startsWith('$') && (type === TOKEN_REVOKED || type === SUBJECT_REVOKED))
      .map(({ topic, payload }) => revocationOf(topic, payload))
    for (const revocation of fresh) this.#add(revocation)
    for (const revocation of fresh) this.#listeners.tell(revocation)
  }

  #add(revocation: Revocation): void {
    this.#known.add(revocation)
    this.#isFull()
  }

  #isFull(): boolean {
    if (this.#known.size >= this.#limit) this.#known.prune(this.#clock.now())
    return this.#known.size >= this.#limit
  }
}

function revocationOf(topic: string, payload: unknown): Revocation {
  if (topic.startsWith(`${SUBJECTS}.`)) {
    const { sub, issuedBefore } = payload as SubjectRecord
    return { kind: 'subject', sub, issuedBefore }
  }
  const { jti, expiresAt } = payload as TokenRecord | ForeignRecord
  return { kind: 'token', jti, expiresAt: expiresAt ?? Number.POSITIVE_INFINITY }
}

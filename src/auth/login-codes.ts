import { createHash, randomBytes } from 'node:crypto'
import { type LoginCode, type MintedToken, type WireError, wireError } from '@fleetwire/protocol'
import type { Actor } from '../caller.ts'
import type { Clock } from '../clock.ts'
import { auditDrafts } from '../log/audit.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import type { Principal } from './principal.ts'
import type { Unavailable } from './revocation-log.ts'
import type { TokenService } from './token-service.ts'

/** What a code grants: the rights of the principal who requested it, until that principal's own token expires. */
type Grant = Pick<Principal, 'sub' | 'role' | 'agents' | 'scopes' | 'jti' | 'issuedAt'> & { until: number }

interface CodeRecord {
  grant: Grant
  createdAt: number
  expiresAt: number
}

export interface LoginCodesPorts {
  log: EventLog
  clock: Clock
  tokens: TokenService
}

export type CodeResult = ({ status: 'made' } & LoginCode) | { status: 'disabled' } | Unavailable
export type LoginResult = ({ status: 'minted' } & MintedToken) | { status: 'refused'; refusal: WireError } | Unavailable

const CODES = '$login-codes'
const LIFE_MS = 10 * 60_000
const CODE_BYTES = 24
/** Tolerance for a clock that was set back; anything more would extend the life of a code. */
const CLOCK_STEP_MS = 5000

/** The log holds only a digest, so nobody can log in with the contents of the store. */
const topicOf = (code: string) => `${CODES}.${createHash('sha256').update(code).digest('base64url')}`

const refused = {
  status: 'refused',
  refusal: wireError('unauthorized', 'This login code was used, expired or never existed: request a new one.'),
} as const

/**
 * Single-use codes for logging in with a browser. A link that is shared or kept in a history is worthless after its
 * first use, and never contained the resulting token.
 */
export class LoginCodes {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #tokens: TokenService

  constructor({ log, clock, tokens }: LoginCodesPorts) {
    this.#log = log
    this.#clock = clock
    this.#tokens = tokens
  }

  /** Creates a code for a principal, which passes on that principal's rights. */
  create({ expiresAt: until, ...principal }: Principal, actor?: Actor): Promise<CodeResult> {
    const { sub, role, agents, scopes, jti, issuedAt } = principal
    return this.#create({ sub, role, agents, scopes, jti, issuedAt, until }, actor)
  }

  /** Creates an admin code for the person who reads the server's output. */
  createForOwner(): Promise<CodeResult> {
    const now = this.#clock.now()
    const until = now + this.#tokens.defaultTtlSeconds * 1000
    return this.#create({ sub: 'admin', role: 'admin', agents: ['*'], issuedAt: now, until })
  }

  async #create(grant: Grant, actor?: Actor): Promise<CodeResult> {
    if (!this.#tokens.canMint) return { status: 'disabled' }
    const code = randomBytes(CODE_BYTES).toString('base64url')
    const createdAt = this.#clock.now()
    const expiresAt = Math.min(createdAt + LIFE_MS, grant.until)
    const payload: CodeRecord = { grant, createdAt, expiresAt }
    const draft: EventDraft = { type: 'login:code', topic: topicOf(code), payload, record: 'set', expiresAt }
    const result = await this.#log.append([draft, ...auditDrafts(actor, 'login:code', grant.sub, createdAt)])
    return result.status === 'unavailable' ? result : { status: 'made', code, expiresAt }
  }

  /** Exchanges a code for a token, once: of two concurrent requests with the same code, only one gets a token. */
  async redeem(code: string, address: string): Promise<LoginResult> {
    const topic = topicOf(code)
    const record = await this.#log.get(topic)
    if (record === undefined) return refused
    const { grant, createdAt, expiresAt } = record.payload as CodeRecord
    const now = this.#clock.now()
    if (now >= expiresAt || now < createdAt - CLOCK_STEP_MS) return refused
    if (this.#tokens.isRevoked(grant)) return refused
    const prepared = this.#tokens.prepare({ ...rightsOf(grant), ttlSeconds: this.#lifeOf(grant, now) }, grant.sub)
    if (prepared === undefined) return refused
    const used: EventDraft = { type: 'login:used', topic, payload: {}, record: 'delete', expect: record.version }
    const audit = auditDrafts({ by: grant.sub, via: 'rest', address }, 'login:use', prepared.minted.jti, now)
    const result = await this.#log.append([used, prepared.draft, ...audit])
    if (result.status === 'conflict') return refused
    return result.status === 'unavailable' ? result : { status: 'minted', ...prepared.minted }
  }

  #lifeOf({ until }: Grant, now: number): number {
    return Math.max(1, Math.min(this.#tokens.defaultTtlSeconds, Math.floor((until - now) / 1000)))
  }
}

function rightsOf({ sub, role, agents, scopes }: Grant) {
  return { sub, role, agents: [...agents], ...(scopes && { scopes: [...scopes] }) }
}

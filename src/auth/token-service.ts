import {
  type Claims,
  type MintedToken,
  type MintTokenBody,
  type TokenInfo,
  type WireError,
  wireError,
} from '@fleetwire/protocol'
import type { Actor } from '../caller.ts'
import type { Clock } from '../clock.ts'
import { newId } from '../ids.ts'
import { auditDrafts } from '../log/audit.ts'
import type { EventDraft, EventLog, LogRecord } from '../log/event-log.ts'
import type { ClaimRules } from './claim-rules.ts'
import { readClaims } from './claims.ts'
import { mintRefusal } from './mint-rules.ts'
import { covers } from './permissions.ts'
import { type Principal, type Scope, scopes } from './principal.ts'
import { RevocationLog, type RevokedBy, type RevokeResult, type Unavailable } from './revocation-log.ts'
import type { Revocation } from './revocations.ts'
import { TOKENS, type TokenRecord, tokenDraft } from './token-record.ts'
import { isId } from './user-key.ts'

export type { RevokeResult, Unavailable } from './revocation-log.ts'

/**
 * The principal of a token, or why there is none. `isHarmless`: the token is missing or has a valid signature, so its
 * sender is not guessing tokens.
 */
export type TokenVerdict = { principal: Principal } | { refusal: WireError; isHarmless?: true }

export type MintResult = ({ status: 'minted' } & MintedToken) | { status: 'disabled' } | Unavailable

export interface TokenPage {
  items: TokenInfo[]
  nextCursor: string | null
}

interface ListRequest {
  limit: number
  page?: string | undefined
  holder?: Principal
}

export interface TokenServicePorts {
  log: EventLog
  clock: Clock
  /** Absent if tokens are minted elsewhere and only verified here. */
  sign?: (claims: Claims) => string
  rules?: ClaimRules
  /** The longest lifetime of a token that is minted on behalf of a principal. */
  maxTtlMs?: number
  /** How many revocations are kept: see RevocationLog. */
  maxRevocations?: number
}

/** 30 days, as in the schema of the request. */
const DEFAULT_TTL_SECONDS = 30 * 86_400

const NO_RULES: ClaimRules = { audiences: [], issuers: [], roleClaim: 'role', leewayMs: 0, foreign: false }
/** `iat` has no fractions, and a token minted after a revocation of its subject carries the next second. */
const MIN_IAT_LEEWAY_MS = 1000

const isScope = (scope: string): scope is Scope => (scopes as readonly string[]).includes(scope)

/**
 * Mints, lists, revokes and verifies tokens. Its state is in the log, so no revocation is lost in a restart and every
 * node learns of each: `start` reads the records and then follows the log.
 */
export class TokenService {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #sign: ((claims: Claims) => string) | undefined
  readonly #rules: ClaimRules
  readonly #maxTtlSeconds: number
  readonly #revocations: RevocationLog

  constructor({
    log,
    clock,
    sign,
    rules = NO_RULES,
    maxTtlMs = Number.POSITIVE_INFINITY,
    maxRevocations,
  }: TokenServicePorts) {
    this.#log = log
    this.#revocations = new RevocationLog({
      log,
      clock,
      ...(maxRevocations !== undefined && { limit: maxRevocations }),
    })
    this.#clock = clock
    this.#sign = sign
    this.#rules = rules
    this.#maxTtlSeconds = Math.floor(maxTtlMs / 1000)
  }

  async start(): Promise<void> {
    await this.#revocations.start()
  }

  stop(): void {
    this.#revocations.stop()
  }

  /** 30 days, or less if the setting requires it. */
  get defaultTtlSeconds(): number {
    return Math.min(DEFAULT_TTL_SECONDS, this.#maxTtlSeconds)
  }

  get canMint(): boolean {
    return this.#sign !== undefined
  }

  /** The token exists only in the response: it is neither stored nor logged. */
  async mint(request: MintTokenBody, createdBy: string, actor?: Actor): Promise<MintResult> {
    const prepared = this.prepare(request, createdBy)
    if (prepared === undefined) return { status: 'disabled' }
    const { jti } = prepared.minted
    const drafts = [prepared.draft, ...auditDrafts(actor, 'token:mint', jti, this.#clock.now())]
    const result = await this.#log.append(drafts)
    return result.status === 'unavailable' ? result : { status: 'minted', ...prepared.minted }
  }

  /**
   * Creates a token and the draft of its record; the token may be handed out once the record is in the log. Undefined
   * if tokens are minted elsewhere.
   */
  prepare(request: MintTokenBody, createdBy: string): { minted: MintedToken; draft: EventDraft } | undefined {
    if (this.#sign === undefined) return undefined
    const { sub, role, ttlSeconds = this.defaultTtlSeconds, agents = ['*'], scopes } = request
    const now = this.#clock.now()
    const jti = newId('tok')
    // `iat` has no fractions, so a token minted in the same second as a revocation of its subject would count as older.
    // It carries the next second instead.
    const iat = Math.max(Math.floor(now / 1000), this.#revocations.issuedBefore(sub) / 1000)
    const exp = iat + ttlSeconds
    const info: TokenInfo = { jti, sub, role, agents, createdAt: now, createdBy, expiresAt: exp * 1000 }
    const draft = tokenDraft('token:minted', { ...info, ...(scopes && { scopes }), status: 'active' })
    const token = this.#sign({ sub, role, jti, iat, exp, agents, ...(scopes && { scopes }) })
    return { minted: { token, jti, expiresAt: info.expiresAt }, draft }
  }

  /** Mints on behalf of a principal, who cannot grant more than they hold. */
  async mintAs(
    principal: Principal,
    request: MintTokenBody,
    actor?: Actor,
  ): Promise<MintResult | { status: 'refused'; refusal: WireError }> {
    const most = this.#maxTtlSeconds
    const { sub, role, ttlSeconds = this.defaultTtlSeconds } = request
    const refusal =
      (role === 'agent' && !isId(sub) ? NO_ID : undefined) ??
      mintRefusal(principal, request) ??
      (ttlSeconds > most ? tooLong(most) : undefined)
    if (refusal !== undefined) return { status: 'refused', refusal }
    return this.mint({ ...request, ttlSeconds }, principal.sub, actor)
  }

  /**
   * Newest first. `page` is the `nextCursor` of the previous page. With a `holder`, lists only tokens whose rights the
   * holder has, so a page may have fewer than `limit`.
   */
  async list({ limit, page, holder }: ListRequest): Promise<TokenPage> {
    const { records, nextPage } = await this.#log.list({
      kind: TOKENS,
      order: 'desc',
      limit,
      ...(page !== undefined && { page }),
    })
    const items = records.map(infoOf).filter(token => holder === undefined || covers(holder, token))
    return { items, nextCursor: nextPage }
  }

  /**
   * Revokes any token by its `jti`: see RevocationLog. Once this resolves, this node refuses the token; other nodes do
   * as soon as they read the revocation in the log.
   */
  revoke(
    jti: string,
    foreign: { expiresAt?: number; revokedBy?: string } = {},
    by: RevokedBy = {},
  ): Promise<RevokeResult> {
    return this.#revocations.revokeToken(jti, foreign, by)
  }

  /** Revokes all tokens issued to `sub` until now, by any issuer. */
  revokeSubject(sub: string, revokedBy: string, by: RevokedBy = {}): Promise<RevokeResult> {
    return this.#revocations.revokeSubject(sub, revokedBy, by)
  }

  /** Verifies the claims of a token whose signature was verified. */
  verify(value: unknown): TokenVerdict {
    const read = readClaims(value, this.#rules)
    if ('refusal' in read) return refuse(read.refusal)
    const { exp, nbf = 0, iat = 0 } = read.claims
    const { leewayMs, foreign } = this.#rules
    const now = this.#clock.now()
    const late = foreign ? leewayMs : 0
    if (exp * 1000 + late <= now) return refuse('The token expired.')
    if (nbf * 1000 > now + leewayMs) return refuse('The token is not valid yet.')
    if (iat * 1000 > now + Math.max(leewayMs, MIN_IAT_LEEWAY_MS)) {
      return refuse('The token was issued in the future: the clock of its issuer, or of this server, is wrong.')
    }
    // A connection ends when its token expires. If it is opened within the leeway after that, it ends with the leeway.
    const expiresAt = exp * 1000 <= now ? exp * 1000 + late : exp * 1000
    const principal = principalOf(read.claims, expiresAt)
    return this.#revocations.has(principal) ? refuse('The token was revoked.') : { principal }
  }

  /** Why a token that was valid on arrival no longer is. Long-running requests check again before they respond. */
  lapsed(principal: Principal): WireError | undefined {
    if (this.#revocations.has(principal)) return wireError('unauthorized', 'The token was revoked.')
    return principal.expiresAt <= this.#clock.now() ? wireError('unauthorized', 'The token expired.') : undefined
  }

  isRevoked(principal: Pick<Principal, 'sub' | 'jti' | 'issuedAt'>): boolean {
    return this.#revocations.has(principal)
  }

  /** Calls the listener for every revocation by any node, so that open connections can be closed. */
  onRevoked(listener: (revocation: Revocation) => void): () => void {
    return this.#revocations.onRevoked(listener)
  }
}

const NO_ID = wireError(
  'invalid_request',
  'body.sub: the subject of an agent is its id: letters, digits, _ and -, at most 64.',
  { in: 'body', path: '/sub' },
)
const tooLong = (most: number): WireError =>
  wireError(
    'invalid_request',
    `body.ttlSeconds: a token lives at most ${most} seconds here (FLEETWIRE_TOKEN_MAX_TTL_MS).`,
    { in: 'body', path: '/ttlSeconds' },
  )

const refuse = (message: string): TokenVerdict => ({
  refusal: wireError('unauthorized', message),
  isHarmless: true,
})

function infoOf({ payload }: LogRecord): TokenInfo {
  const { status: _, ...info } = payload as TokenRecord
  return info
}

function principalOf({ sub, role, iat, jti, agents = ['*'], scopes }: Claims, expiresAt: number): Principal {
  return {
    sub,
    role,
    agents,
    // An unknown scope grants nothing, but its presence still narrows the role.
    ...(scopes && { scopes: scopes.filter(isScope) }),
    ...(jti !== undefined && { jti }),
    ...(iat !== undefined && { issuedAt: iat * 1000 }),
    expiresAt,
  }
}

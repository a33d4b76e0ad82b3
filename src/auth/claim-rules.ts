import type { Config } from '../config.ts'
import { listOf } from '../environment.ts'
import { FLW_ERR_CONFIG_INVALID } from '../errors.ts'

/** Requirements on the claims of a token, besides their shape. */
export interface ClaimRules {
  /** One of these must be in `aud`. Empty: `aud` is not checked. */
  readonly audiences: readonly string[]
  /** One of these must be `iss`. Empty: `iss` is not checked. */
  readonly issuers: readonly string[]
  /** The claim that holds the role: a name, or a path. */
  readonly roleClaim: string
  /** How far the issuer's clock may be off. */
  readonly leewayMs: number
  /**
   * True for tokens of another issuer: they expire later, by as much as that issuer's clock may be off. Tokens signed
   * with this server's own secret expire by its own clock.
   */
  readonly foreign: boolean
}

/** The value of `JWT_AUDIENCE` that accepts tokens for any audience. */
const ANY = 'any'
const REGISTERED = ['sub', 'exp', 'iat', 'nbf', 'jti', 'iss', 'aud', 'agents', 'scopes']

type Settings = Pick<
  Config,
  'JWT_AUDIENCE' | 'JWT_ISSUER' | 'JWT_ROLE_CLAIM' | 'JWT_LEEWAY_MS' | 'JWT_PUBLIC_KEY' | 'JWKS_URL'
>

/**
 * Throws FLW_ERR_CONFIG_INVALID for a key set without an audience or issuer: an issuer that signs for many applications
 * would let in the users of all of them.
 */
export function claimRulesOf(config: Settings, warn: (message: string) => void): ClaimRules {
  const { audiences, issuers, roleClaim } = issuerRulesOf(config)
  const named = listOf(config.JWT_AUDIENCE)
  const { JWKS_URL, JWT_PUBLIC_KEY, JWT_LEEWAY_MS: leewayMs } = config
  if (REGISTERED.includes(roleClaim))
    invalid(`FLEETWIRE_JWT_ROLE_CLAIM "${roleClaim}" is reserved: that claim has another meaning`)
  const foreign = JWKS_URL !== undefined || JWT_PUBLIC_KEY !== undefined
  if (JWKS_URL !== undefined && named.length === 0 && issuers.length === 0) {
    invalid(
      'FLEETWIRE_JWKS_URL without FLEETWIRE_JWT_AUDIENCE or FLEETWIRE_JWT_ISSUER accepts the tokens of every application of that issuer; name your own audience (or set FLEETWIRE_JWT_AUDIENCE=any)',
    )
  }
  if (foreign && named.length === 0) {
    warn('FLEETWIRE_JWT_AUDIENCE is not set: tokens that the issuer minted for other applications are accepted too')
  }
  return { audiences, issuers, roleClaim, leewayMs, foreign }
}

function invalid(reason: string): never {
  throw new FLW_ERR_CONFIG_INVALID(`Configuration: ${reason}`)
}

/** Why a token is not meant for this server, by its `aud` and `iss`. */
export function flawOfIssuer(claims: { aud?: unknown; iss?: unknown }, rules: ClaimRules): string | undefined {
  const { aud, iss } = claims
  const { audiences, issuers } = rules
  const meant: unknown[] = Array.isArray(aud) ? aud : [aud]
  if (audiences.length > 0 && !meant.some(name => audiences.includes(name as string))) {
    return `The token is for the audience ${shown(aud)}, not for ${audiences.map(shown).join(' or ')}.`
  }
  if (issuers.length > 0 && !issuers.includes(iss as string)) {
    return `The token was issued by ${shown(iss)}, not by ${issuers.map(shown).join(' or ')}.`
  }
  return undefined
}

export type IssuerRules = Pick<ClaimRules, 'audiences' | 'issuers' | 'roleClaim'>

/** The rules that tokens minted here must also meet. */
export function issuerRulesOf(settings: Partial<Settings>): IssuerRules {
  const named = listOf(settings.JWT_AUDIENCE)
  return {
    audiences: named.includes(ANY) ? [] : named,
    issuers: listOf(settings.JWT_ISSUER),
    roleClaim: settings.JWT_ROLE_CLAIM || 'role',
  }
}

/** Adds the claims that this server requires to those of a token that is minted here. */
export function withIssuer<T extends { role: string }>(
  claims: T,
  { audiences, issuers, roleClaim }: IssuerRules,
): object {
  return {
    ...claims,
    ...(audiences[0] !== undefined && { aud: audiences[0] }),
    ...(issuers[0] !== undefined && { iss: issuers[0] }),
    [roleClaim]: claims.role,
  }
}

const shown = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value).slice(0, 200))

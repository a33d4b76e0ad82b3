import fastifyJwt, { type FastifyJWTOptions, type JWT } from '@fastify/jwt'
import { wireError } from '@fleetwire/protocol'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { claimRulesOf, withIssuer } from '../src/auth/claim-rules.ts'
import { LoginCodes } from '../src/auth/login-codes.ts'
import type { VerifySignature } from '../src/auth/remote-keys.ts'
import { loadTokenKey, type TokenKey } from '../src/auth/token-key.ts'
import { TokenService, type TokenVerdict } from '../src/auth/token-service.ts'
import { FLW_ERR_KEYS_UNAVAILABLE } from '../src/errors.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tokens: TokenService
    loginCodes: LoginCodes
    /** Verifies a token: form, signature, claims, age, revocation. Synchronous if its signature was verified before. */
    verifyToken(token: string): TokenVerdict | Promise<TokenVerdict>
  }
}

export interface JwtOptions {
  /** See RemoteKeysOptions. */
  jwksCooldownMs?: number | undefined
}

const MAX_TOKEN_LENGTH = 8192
const KEYS_RETRY_MS = 5000
const TOKENS_KEPT = 1000
/** Leaves the names `app.jwt` and `request.user` free for an app that embeds this one. */
const NAMESPACE = 'fleetwire'
const REQUEST_DECORATOR = 'fleetwireClaims'

/** The library checks form, algorithm and signature. TokenService checks age and revocation, each time. */
async function registerJwt(app: FastifyInstance, key: Exclude<TokenKey, { kind: 'key-set' }>): Promise<JWT> {
  const secret: FastifyJWTOptions['secret'] = key.kind === 'secret' ? key.secret : { public: key.pem }
  const verify = { algorithms: key.algorithms, ignoreExpiration: true, ignoreNotBefore: true }
  await app.register(fastifyJwt, { namespace: NAMESPACE, decoratorName: REQUEST_DECORATOR, secret, verify })
  return (app.jwt as unknown as { [NAMESPACE]: JWT })[NAMESPACE]
}

const verifyWith =
  (jwt: JWT): VerifySignature =>
  async token => {
    try {
      return { claims: await jwt.verify(token) }
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      if (code?.startsWith('FAST_JWT_')) return { reason: message }
      throw error
    }
  }

/** What the log says about a refused token: never the token itself. */
function headerOf(token: string): { alg?: unknown; kid?: unknown } {
  try {
    const { alg, kid } = JSON.parse(Buffer.from(token.split('.', 1)[0]!, 'base64url').toString())
    return { alg: shown(alg), kid: shown(kid) }
  } catch {
    return {}
  }
}
const shown = (value: unknown) => (typeof value === 'string' ? value.slice(0, 100) : undefined)

const MALFORMED = wireError('unauthorized', 'The token is malformed.')
const WRONG_SIGNATURE = wireError(
  'unauthorized',
  'The token is malformed, or its signature is not valid on this server.',
)
const NO_KEYS = wireError('unavailable', 'The keys of the token issuer cannot be fetched now.', {
  retryAfterMs: KEYS_RETRY_MS,
})

export default fp<JwtOptions>(
  async (app, { jwksCooldownMs }) => {
    const warn = (message: string) => app.log.warn(message)
    const rules = claimRulesOf(app.config, warn)
    const key = await loadTokenKey(app.config, { warn, jwksCooldownMs })
    const jwt = key.kind === 'key-set' ? undefined : await registerJwt(app, key)
    const verifySignature = key.kind === 'key-set' ? key.verify : verifyWith(jwt!)
    const tokens = new TokenService({
      log: app.eventLog,
      clock: app.clock,
      rules,
      maxTtlMs: app.config.TOKEN_MAX_TTL_MS,
      maxRevocations: app.config.MAX_REVOCATIONS,
      ...(key.kind === 'secret' && { sign: claims => jwt!.sign(withIssuer(claims, rules)) }),
    })
    await tokens.start()
    app.addHook('onClose', async () => tokens.stop())
    app.decorate('tokens', tokens)
    app.decorate('loginCodes', new LoginCodes({ log: app.eventLog, clock: app.clock, tokens }))

    // A verified signature stays valid as long as its key, but the keys of a set may be withdrawn. The library caches
    // verdicts too, but it hashes the token each time, which takes longer than everything else that is done for a known
    // token.
    const verified = new Map<string, unknown>()
    function keep(token: string, claims: unknown): void {
      if (key.kind === 'key-set') return
      if (verified.size >= TOKENS_KEPT) verified.delete(verified.keys().next().value!)
      verified.set(token, claims)
    }

    async function verify(token: string): Promise<TokenVerdict> {
      if (token === '' || token.length > MAX_TOKEN_LENGTH) return { refusal: MALFORMED }
      try {
        const signed = await verifySignature(token)
        if ('reason' in signed) {
          app.log.info({ ...headerOf(token), reason: signed.reason }, 'the signature of a token was refused')
          return { refusal: WRONG_SIGNATURE }
        }
        keep(token, signed.claims)
        return tokens.verify(signed.claims)
      } catch (error) {
        if (!(error instanceof FLW_ERR_KEYS_UNAVAILABLE)) throw error
        app.log.error({ err: error }, 'token keys unavailable')
        return { refusal: NO_KEYS }
      }
    }

    app.decorate('verifyToken', text => {
      // Files and secret stores leave a line break at the end of a token.
      const token = text.trim()
      const claims = verified.get(token)
      return claims === undefined ? verify(token) : tokens.verify(claims)
    })
  },
  { name: 'fleetwire-jwt', dependencies: ['fleetwire-event-log'] },
)

import fastifyJwt, { type FastifyJWTOptions, type JWT } from '@fastify/jwt'
import { type WireError, wireError } from '@fleetwire/protocol'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { FetchKey } from '../src/auth/remote-keys.ts'
import { loadTokenKey, type TokenKey } from '../src/auth/token-key.ts'
import { TokenService, type TokenVerdict } from '../src/auth/token-service.ts'
import { FLW_ERR_KEYS_UNAVAILABLE } from '../src/errors.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tokens: TokenService
    /** Judges a token: form, signature, claims, age, revocation. At once where its signature was verified before. */
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
/** `app.jwt` stays free for the app that embeds this one. */
const NAMESPACE = 'fleetwire'

function secretOf(key: TokenKey): FastifyJWTOptions['secret'] {
  switch (key.kind) {
    case 'secret':
      return key.secret
    case 'public-key':
      return { public: key.pem }
    case 'key-set':
      return { public: ({ header }: { header: Parameters<FetchKey>[0] }) => key.fetchKey(header) }
  }
}

/** The library judges form, algorithm and signature; age and revocation are judged by TokenService, each time. */
async function registerJwt(app: FastifyInstance, key: TokenKey): Promise<JWT> {
  const verify = { algorithms: key.algorithms, ignoreExpiration: true, ignoreNotBefore: true }
  await app.register(fastifyJwt, { namespace: NAMESPACE, secret: secretOf(key), verify })
  return (app.jwt as unknown as { [NAMESPACE]: JWT })[NAMESPACE]
}

function refusalOf(error: unknown): WireError {
  const { code, originalError } = error as { code?: string; originalError?: unknown }
  if (originalError instanceof FLW_ERR_KEYS_UNAVAILABLE) {
    return wireError('unavailable', 'The keys of the token issuer cannot be fetched now.', {
      retryAfterMs: KEYS_RETRY_MS,
    })
  }
  if (!code?.startsWith('FAST_JWT_')) throw error
  return wireError('unauthorized', 'The token is malformed, or its signature is not valid here.')
}

export default fp<JwtOptions>(
  async (app, { jwksCooldownMs }) => {
    const warn = (message: string) => app.log.warn(message)
    const key = await loadTokenKey(app.config, { warn, jwksCooldownMs })
    const jwt = await registerJwt(app, key)
    const tokens = new TokenService({
      log: app.eventLog,
      clock: app.clock,
      ...(key.kind === 'secret' && { sign: claims => jwt.sign(claims) }),
    })
    await tokens.start()
    app.addHook('onClose', async () => tokens.stop())
    app.decorate('tokens', tokens)

    // A verdict on a signature stands for as long as its key does, and keys of a set may be withdrawn. The library keeps
    // verdicts too, but hashes the token each time, which takes longer than the rest of the way of a known token.
    const verified = new Map<string, unknown>()
    function keep(token: string, claims: unknown): void {
      if (key.kind === 'key-set') return
      if (verified.size >= TOKENS_KEPT) verified.delete(verified.keys().next().value!)
      verified.set(token, claims)
    }

    async function verify(token: string): Promise<TokenVerdict> {
      if (token === '' || token.length > MAX_TOKEN_LENGTH) {
        return { refusal: wireError('unauthorized', 'The token is malformed.') }
      }
      try {
        const claims: unknown = await jwt.verify(token)
        keep(token, claims)
        return tokens.verify(claims)
      } catch (error) {
        const refusal = refusalOf(error)
        if (refusal.code === 'unavailable') app.log.error({ err: error }, 'token keys unavailable')
        return { refusal }
      }
    }

    app.decorate('verifyToken', token => {
      const claims = verified.get(token)
      return claims === undefined ? verify(token) : tokens.verify(claims)
    })
  },
  { name: 'fleetwire-jwt', dependencies: ['fleetwire-event-log'] },
)

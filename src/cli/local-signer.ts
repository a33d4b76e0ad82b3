import { createSigner } from 'fast-jwt'
import { issuerRulesOf, withIssuer } from '../auth/claim-rules.ts'
import { newId } from '../ids.ts'

export type Signer = (claims: { sub: string; role: string }, ttlSeconds: number) => string

/** Signs tokens with the server's own secret. The claims follow the server's settings, so that it accepts them. */
export function localSigner(key: string, settings: NodeJS.ProcessEnv): Signer {
  const rules = issuerRulesOf({
    ...(settings.FLEETWIRE_JWT_AUDIENCE && { JWT_AUDIENCE: settings.FLEETWIRE_JWT_AUDIENCE }),
    ...(settings.FLEETWIRE_JWT_ISSUER && { JWT_ISSUER: settings.FLEETWIRE_JWT_ISSUER }),
    ...(settings.FLEETWIRE_JWT_ROLE_CLAIM && { JWT_ROLE_CLAIM: settings.FLEETWIRE_JWT_ROLE_CLAIM }),
  })
  return (claims, ttlSeconds) =>
    createSigner({ key, algorithm: 'HS256', expiresIn: ttlSeconds * 1000 })({
      ...withIssuer(claims, rules),
      jti: newId('tok'),
    })
}

import { type WireError, wireError } from '@fleetwire/protocol'
import type { FastifyReply } from 'fastify'
import type { RevokeResult } from '../../../../src/auth/token-service.ts'
import { unavailable } from '../../../../src/outcome.ts'

export const mintedElsewhere = wireError(
  'conflict',
  'This server mints no tokens: another issuer does (JWT_PUBLIC_KEY or JWKS_URL is set).',
)

/** 204 for a revocation, new or repeated. `missing` is the refusal if the target does not exist for the caller. */
export function answerRevocation(reply: FastifyReply, result: RevokeResult, missing: WireError): FastifyReply {
  switch (result.status) {
    case 'revoked':
      return reply.code(204).send(null)
    case 'not_found':
      return reply.refuse(missing)
    case 'full':
      return reply.refuse(
        wireError(
          'conflict',
          `${result.limit} revocations are kept, which is the limit (FLEETWIRE_MAX_REVOCATIONS). Nothing was revoked.`,
        ),
      )
    case 'unavailable':
      return reply.refuse(unavailable(result))
  }
}

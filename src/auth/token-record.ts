import type { TokenInfo } from '@fleetwire/protocol'
import type { EventDraft } from '../log/event-log.ts'

/** The record of a token that was minted here: what it grants, never the token itself. Lists filter by `status`. */
export type TokenRecord = TokenInfo & { status: 'active' | 'revoked' }

export const TOKENS = '$tokens'
export const TOKEN_REVOKED = 'token:revoked'

export const tokenDraft = (type: string, payload: TokenRecord): EventDraft => ({
  type,
  topic: `${TOKENS}.${payload.jti}`,
  payload,
  record: 'set',
  expiresAt: payload.expiresAt,
})

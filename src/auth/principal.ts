import type { Role } from '@fleetwire/protocol'

/** The identity behind a request or connection: the verified claims of its token. */
export interface Principal {
  /** An agent's id, or any text for a user (`userKeyOf` derives an id from it for topics). */
  readonly sub: string
  readonly role: Role
  /** Id patterns (`*` matches any characters) of the agents that the token may see and command. */
  readonly agents: readonly string[]
  /** If present, only these of the role's scopes are granted. */
  readonly scopes?: readonly Scope[]
  readonly jti?: string
  /** Epoch ms. */
  readonly issuedAt?: number
  /** Epoch ms. */
  readonly expiresAt: number
}

export const scopes = ['read', 'command', 'interact', 'terminal:write', 'admin', 'agent'] as const
/**
 * What a token may do: `read` see, `command` submit and interrupt, `interact` answer, `terminal:write` type, `admin`
 * manage.
 */
export type Scope = (typeof scopes)[number]

export const roleScopes: Record<Role, readonly Scope[]> = {
  viewer: ['read'],
  operator: ['read', 'command', 'interact', 'terminal:write'],
  admin: ['read', 'command', 'interact', 'terminal:write', 'admin'],
  agent: ['agent'],
}

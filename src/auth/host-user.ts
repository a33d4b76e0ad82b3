import { claimsFlaw, type Role } from '@fleetwire/protocol'
import { FLW_ERR_AUTH_HOST_USER } from '../errors.ts'
import type { Principal, Scope } from './principal.ts'

/** Who sent a request, as the app around Fleetwire knows it. */
export interface HostUser {
  /** Any text for a user, the agent's id for an agent. */
  sub: string
  role: Role
  /** Id patterns of the agents that exist for this user. Default: all. */
  agents?: readonly string[]
  /** If present, only these of the role's scopes are granted. */
  scopes?: readonly Scope[]
  /** Epoch ms: sockets are closed then, and ask again. Default: in an hour. */
  expiresAt?: number
}

/** Nobody whom the app knows: a token may say who it is. */
export type HostAnswer = HostUser | null | undefined

const LIFE_MS = 3_600_000

/** Throws FLW_ERR_AUTH_HOST_USER if it is no user: then the app is wrong, and nobody may get in by that. */
export function hostPrincipal(user: HostUser, now: number): Principal {
  const { sub, role, agents = ['*'], scopes, expiresAt = now + LIFE_MS } = user
  const claims = { sub, role, agents, exp: Math.ceil(expiresAt / 1000), ...(scopes !== undefined && { scopes }) }
  const flaw = claimsFlaw(claims, role === 'agent')
  if (flaw !== undefined) throw new FLW_ERR_AUTH_HOST_USER(flaw.path.split('/')[1] || 'user')
  // Revoking its subject closes what is open and refuses nothing new: whether the user may come back says the app.
  return { sub, role, agents, ...(scopes !== undefined && { scopes }), issuedAt: now, expiresAt }
}

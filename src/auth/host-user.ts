import { claimsFlaw, type Role } from '@fleetwire/protocol'
import { FLW_ERR_AUTH_HOST_USER } from '../errors.ts'
import type { Principal, Scope } from './principal.ts'

/** The sender of a request, as the embedding app identifies it. */
export interface HostUser {
  /** Any text for a user, the agent's id for an agent. */
  sub: string
  role: Role
  /** Id patterns of the agents that exist for this user. Default: all. */
  agents?: readonly string[]
  /** If present, only these of the role's scopes are granted. */
  scopes?: readonly Scope[]
  /** Epoch ms. Sockets are closed at this time, and must authenticate again. Default: one hour from now. */
  expiresAt?: number
}

/** Null or undefined if the app does not know the sender: a token may then identify it. */
export type HostAnswer = HostUser | null | undefined

const LIFE_MS = 3_600_000

/** Throws FLW_ERR_AUTH_HOST_USER for an invalid user: a bug in the app must not let anybody in. */
export function hostPrincipal(user: HostUser, now: number): Principal {
  const { sub, role, agents = ['*'], scopes, expiresAt = now + LIFE_MS } = user
  const claims = { sub, role, agents, exp: Math.ceil(expiresAt / 1000), ...(scopes !== undefined && { scopes }) }
  const flaw = claimsFlaw(claims, role === 'agent')
  if (flaw !== undefined) throw new FLW_ERR_AUTH_HOST_USER(flaw.path.split('/')[1] || 'user')
  // Revoking the subject closes open connections but refuses no new ones: the app decides whether the user may return.
  return { sub, role, agents, ...(scopes !== undefined && { scopes }), issuedAt: now, expiresAt }
}

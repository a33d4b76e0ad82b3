import type { Principal } from './principal.ts'

export type Revocation =
  /** `expiresAt`: epoch ms, infinite if unknown. */
  | { kind: 'token'; jti: string; expiresAt: number }
  /** Every token of `sub` issued before this time, epoch ms. */
  | { kind: 'subject'; sub: string; issuedBefore: number }

/** The revocations known to this process. Adding is idempotent, and order does not matter. */
export class Revocations {
  readonly #tokens = new Map<string, number>()
  readonly #subjects = new Map<string, number>()

  add(revocation: Revocation): void {
    switch (revocation.kind) {
      case 'token':
        this.#tokens.set(revocation.jti, Math.max(revocation.expiresAt, this.#tokens.get(revocation.jti) ?? 0))
        break
      case 'subject':
        this.#subjects.set(revocation.sub, Math.max(revocation.issuedBefore, this.issuedBefore(revocation.sub)))
        break
      default:
        revocation satisfies never
    }
  }

  /** Forgets revocations of expired tokens, which are refused anyway, so that the set does not grow without bound. */
  prune(now: number): void {
    for (const [jti, expiresAt] of this.#tokens) if (expiresAt <= now) this.#tokens.delete(jti)
  }

  /** 0 if the subject was never revoked. */
  issuedBefore(sub: string): number {
    return this.#subjects.get(sub) ?? 0
  }

  /** A token without an issue time counts as older than any revocation of its subject. */
  has(principal: Pick<Principal, 'sub' | 'jti' | 'issuedAt'>): boolean {
    if (principal.jti !== undefined && this.#tokens.has(principal.jti)) return true
    const bound = this.#subjects.get(principal.sub)
    return bound !== undefined && (principal.issuedAt ?? 0) < bound
  }

  /** When the revocation of the token with this `jti` ends, epoch ms; undefined if it is not revoked. */
  revokedUntil(jti: string): number | undefined {
    return this.#tokens.get(jti)
  }

  get size(): number {
    return this.#tokens.size + this.#subjects.size
  }
}

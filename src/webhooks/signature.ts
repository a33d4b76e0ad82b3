import { createHmac, randomBytes } from 'node:crypto'

const PREFIX = 'whsec_'
const SECRET_BYTES = 32
/** Standard Webhooks' requirements for a secret. */
const LEAST_BYTES = 24
const MOST_BYTES = 64

/** A signing key and its expiry; without one, it is valid forever. */
export interface SigningSecret {
  /** `whsec_` and the key in base64. */
  secret: string
  /** Epoch ms. */
  expiresAt?: number
}

export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64')

const keyOf = (secret: string): Buffer => Buffer.from(secret.slice(PREFIX.length), 'base64')

/** Why a secret cannot sign; undefined if it can. */
export function secretFlaw(secret: string): string | undefined {
  const { length } = keyOf(secret)
  const isWhole = secret.startsWith(PREFIX) && PREFIX + keyOf(secret).toString('base64') === secret
  if (isWhole && length >= LEAST_BYTES && length <= MOST_BYTES) return undefined
  return `must be ${PREFIX} followed by ${LEAST_BYTES} to ${MOST_BYTES} bytes in base64, with padding (=).`
}

/** The secrets that are valid at `now`, epoch ms. */
export const valid = (secrets: readonly SigningSecret[], now: number): SigningSecret[] =>
  secrets.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now)

/**
 * The headers of a delivery, as in Standard Webhooks 1.0: one signature per secret, so that receivers can change theirs
 * at any time during a rotation. `now`: epoch ms.
 */
export function signedHeaders(
  messageId: string,
  body: string,
  secrets: readonly SigningSecret[],
  now: number,
): Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string> {
  const timestamp = String(Math.floor(now / 1000))
  const signed = `${messageId}.${timestamp}.${body}`
  const signatures = valid(secrets, now).map(
    ({ secret }) => `v1,${createHmac('sha256', keyOf(secret)).update(signed).digest('base64')}`,
  )
  return { 'webhook-id': messageId, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

import { type Static, type TSchema, Type } from '@sinclair/typebox'

/** Clients choose ids too, so they are short and safe in topics, URLs and file names. */
export const Id = Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'Letters, digits, _ and -, at most 64' })

/** The holder of a token. Issuers choose user names freely; the subject of an agent is an Id. */
export const Subject = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  description: 'The subject of a token: an agent’s id, or any text for a user, at most 255 characters',
})

/** Identifies one token. Fleetwire's own are Ids; an issuer's may be any text. */
export const Jti = Type.String({ minLength: 1, maxLength: 256, description: 'The jti of a token' })

export const Timestamp = Type.Integer({ minimum: 0, description: 'Unix epoch milliseconds' })

export const DurationMs = Type.Integer({ minimum: 0, maximum: 365 * 86_400_000, description: 'Milliseconds' })

export const ByteOffset = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Bytes since the start',
})

/**
 * The terminal offset that a peer reports. Offsets counted from it stay exact: no terminal writes the remaining 4 PiB.
 */
export const ReportedOffset = Type.Integer({ minimum: 0, maximum: 2 ** 52, description: 'Bytes since the start' })

/** An integer that both sides represent exactly. */
export const WholeNumber = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** Covers all systems: some use unsigned 32-bit exit codes. */
export const ExitCode = Type.Integer({ minimum: -(2 ** 31), maximum: 2 ** 32 - 1 })

export const Fraction = Type.Number({ minimum: 0, maximum: 1 })

export const Cursor = Type.String({ minLength: 1, maxLength: 256, description: 'Opaque; store it and send it back' })

/** Any JSON value. Its size is limited by the frame or body that carries it, and where the protocol says so. */
export const Json = Type.Unknown()

export const Labels = Type.Record(Type.String({ pattern: '^.{1,64}$' }), Type.String({ maxLength: 256 }), {
  additionalProperties: false,
  maxProperties: 64,
  description: 'Free key-value labels; selectors of fleet commands match them',
})

export const Title = Type.String({ maxLength: 512 })

export const Text = Type.String({ description: 'Limited by the size of its frame' })

export type StaticMap<M extends Record<string, TSchema>> = { [K in keyof M]: Static<M[K]> }

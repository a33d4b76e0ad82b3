import { type Static, Type } from '@sinclair/typebox'
import { Json } from './common.ts'
import { type ErrorCode, errorCodes } from './error-codes.ts'
import { OneOf } from './one-of.ts'

export const ErrorCodeSchema = OneOf(Object.keys(errorCodes) as ErrorCode[])

/** The payload of an `error` frame and the `error` of a `reply`. */
export const WireError = Type.Object(
  { code: ErrorCodeSchema, message: Type.String(), retryable: Type.Boolean(), details: Type.Optional(Json) },
  { $id: 'WireError' },
)
export type WireError = Static<typeof WireError>

/** The body of every REST error: Fastify's shape, with a code from `errorCodes`. */
export const RestError = Type.Object(
  {
    statusCode: Type.Integer(),
    code: ErrorCodeSchema,
    error: Type.String({ description: 'The HTTP status text' }),
    message: Type.String(),
    details: Type.Optional(Json),
  },
  { $id: 'RestError' },
)
export type RestError = Static<typeof RestError>

import { isDeeper, MAX_VALUE_DEPTH, TOO_DEEP, type WireError, wireError } from '@fleetwire/protocol'

/** Why fields may not be taken that somebody in this process gives: those of frames and bodies were judged on their way in. */
export function depthFlaw(fields: object): WireError | undefined {
  const deep = Object.entries(fields).find(([, value]) => isDeeper(value, MAX_VALUE_DEPTH))
  return deep && wireError('invalid_request', `${deep[0]}: ${TOO_DEEP}.`)
}

import { isDeeper, MAX_VALUE_DEPTH, TOO_DEEP, type WireError, wireError } from '@fleetwire/protocol'

/** Why fields from code in this process are too deep. Those of frames and bodies are checked on arrival. */
export function depthFlaw(fields: object): WireError | undefined {
  const deep = Object.entries(fields).find(([, value]) => isDeeper(value, MAX_VALUE_DEPTH))
  return deep && wireError('invalid_request', `${deep[0]}: ${TOO_DEEP}.`)
}

import {
  findTooLarge,
  isDeeper,
  MAX_VALUE_DEPTH,
  TOO_DEEP,
  TOO_LARGE_NUMBER,
  type WireError,
  wireError,
} from '@fleetwire/protocol'

/** Why a value from code in this process cannot be stored unchanged. Frames and bodies are checked on arrival. */
export function valueFlaw(name: string, value: unknown): WireError | undefined {
  if (isDeeper(value, MAX_VALUE_DEPTH)) return wireError('invalid_request', `${name}: ${TOO_DEEP}.`)
  const path = findTooLarge(value)
  if (path === undefined) return undefined
  return wireError('invalid_request', `${name}${path.replaceAll('/', '.').slice(0, 200)}: ${TOO_LARGE_NUMBER}.`)
}

/** The first flaw in any of these fields. */
export function fieldsFlaw(fields: object): WireError | undefined {
  for (const [name, value] of Object.entries(fields)) {
    const flaw = valueFlaw(name, value)
    if (flaw !== undefined) return flaw
  }
  return undefined
}

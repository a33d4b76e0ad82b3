import { type EventPayloads, isDeeper, MAX_VALUE_DEPTH, TOO_DEEP, type WireError, wireError } from '@fleetwire/protocol'
import { type Refused, refused } from '../outcome.ts'
import { applyPatch, MAX_PATCH_WORK, PatchFailure } from './json-patch.ts'

/** In bytes of JSON. */
export const MAX_STATE_BYTES = 256 * 1024

export type Patched = { status: 'ok'; state: unknown } | Refused

/**
 * Applies RFC 6902 operations, all or none, at a bounded cost. `state` must be the caller's own and must not be used
 * afterwards.
 */
export function patchState(state: unknown, patch: EventPayloads['state:patch']['patch']): Patched {
  try {
    return checkState(applyPatch(state, patch, MAX_STATE_BYTES))
  } catch (error) {
    if (!(error instanceof PatchFailure)) throw error
    return refused(refusal(error, patch[error.operation]!))
  }
}

/** Accepts a state that is neither too large to keep nor too deep to read. */
export function checkState(state: unknown): Patched {
  if (isDeeper(state, MAX_VALUE_DEPTH)) return refused(wireError('patch_failed', `The state would be ${TOO_DEEP}.`))
  const text = JSON.stringify(state) ?? ''
  return Buffer.byteLength(text) > MAX_STATE_BYTES ? refused(tooLarge()) : { status: 'ok', state }
}

function refusal({ operation, flaw, message }: PatchFailure, { op, path }: { op: string; path: string }): WireError {
  if (flaw === 'copies') return tooLarge()
  const what = `patch[${operation}]: ${op} ${JSON.stringify(path.slice(0, 200))}`
  if (flaw === 'wrong') return wireError('patch_failed', `${what} does not apply: ${message}.`, { operation })
  const limit = `A patch may move ${MAX_PATCH_WORK} array elements, or do as much other work`
  const advice = 'send it in parts, or the whole state as state:snapshot'
  return wireError('patch_failed', `${what}: ${limit}: ${advice}.`, { operation, limit: MAX_PATCH_WORK })
}

const tooLarge = (): WireError =>
  wireError('too_large', `The state would be larger than ${MAX_STATE_BYTES} bytes of JSON.`, {
    limitBytes: MAX_STATE_BYTES,
  })

import type { EventPayloads, WireError } from '@fleetwire/protocol'
import { wireError } from '@fleetwire/protocol'
import jsonPatch, { type Operation } from 'fast-json-patch'

/** A session's state, as JSON. */
export const MAX_STATE_BYTES = 256 * 1024

export type Patched = { status: 'ok'; state: unknown } | { status: 'refused'; error: WireError }

/**
 * RFC 6902, all or nothing, on a copy. `copy` could double a state with each operation, so what is copied counts before
 * it is; paths into an object's own machinery (`__proto__`) are refused.
 */
export function patchState(state: unknown, patch: EventPayloads['state:patch']['patch']): Patched {
  let document = structuredClone(state)
  let copiedBytes = 0
  for (const [i, operation] of patch.entries()) {
    try {
      if (operation.op === 'copy') {
        copiedBytes += sizeOf(jsonPatch.getValueByPointer(document, operation.from ?? ''))
        if (copiedBytes > MAX_STATE_BYTES) return tooLarge()
      }
      document = jsonPatch.applyOperation(document, operation as Operation, true, true, true, i).newDocument
    } catch (error) {
      return { status: 'refused', error: wireError('patch_failed', flaw(i, operation, error), { operation: i }) }
    }
  }
  return checkState(document)
}

/** A state that is not too large to be kept. */
export function checkState(state: unknown): Patched {
  return sizeOf(state) > MAX_STATE_BYTES ? tooLarge() : { status: 'ok', state }
}

const sizeOf = (value: unknown): number => (value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value)))

const tooLarge = (): Patched => ({
  status: 'refused',
  error: wireError('too_large', `The state would be larger than ${MAX_STATE_BYTES} bytes of JSON.`, {
    limitBytes: MAX_STATE_BYTES,
  }),
})

function flaw(i: number, { op, path }: { op: string; path: string }, error: unknown): string {
  const name = error instanceof Error ? error.name : ''
  return `patch[${i}]: ${op} ${JSON.stringify(path.slice(0, 200))} does not apply${name.includes('_') ? ` (${name})` : ''}.`
}

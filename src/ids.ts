import { randomFillSync } from 'node:crypto'
import { monotonicFactory } from 'ulid'

const POOL_BYTES = 4096
const pool = new Uint8Array(POOL_BYTES)
let used = POOL_BYTES

/** Random bytes are drawn in bulk: one by one, as in the library, they cost more than the id itself. */
function random(): number {
  if (used === POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  return pool[used++]! / 256
}

const ulid = monotonicFactory(random)

export type IdPrefix = 'cmd' | 'task' | 'ses' | 'int' | 'con' | 'tok' | 'bat' | 'msg' | 'whk'

/** A new id, sortable by creation time: `cmd_01J…`. */
export const newId = (prefix: IdPrefix): string => `${prefix}_${ulid()}`

import type { ReplicaChange } from '../../log/sqlite-messages.ts'

/** Grows with each change that an older version would misread. */
const FORMAT = 1

/** What one commit of the stream says, as JSON: what it changes, decided by its writer. */
export function encodeEntry(change: ReplicaChange): Uint8Array {
  return Buffer.from(JSON.stringify({ v: FORMAT, ...change }))
}

/** Throws for what no version known here has written. */
export function decodeEntry(data: Uint8Array): ReplicaChange {
  const { v, ...change } = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString()) as {
    v: number
  } & ReplicaChange
  if (v !== FORMAT) throw new Error(`it is of format ${v}, written by a newer version; this one knows ${FORMAT}`)
  return change
}

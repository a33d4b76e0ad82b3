import type { ReplicaChange } from '../../log/sqlite-messages.ts'

/** Incremented with each change that an older version would misread. */
const FORMAT = 1

/** The content of one commit in the stream, as JSON: its changes, as decided by its writer. */
export function encodeEntry(change: ReplicaChange): Uint8Array {
  return Buffer.from(JSON.stringify({ v: FORMAT, ...change }))
}

/** Throws on anything that no known version wrote. */
export function decodeEntry(data: Uint8Array): ReplicaChange {
  const { v, ...change } = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString()) as {
    v: number
  } & ReplicaChange
  if (v !== FORMAT) throw new Error(`it has format ${v}, written by a newer version; this one knows ${FORMAT}`)
  return change
}

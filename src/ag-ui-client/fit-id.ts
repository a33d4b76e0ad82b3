import { createHash } from 'node:crypto'

const AN_ID = /^[A-Za-z0-9_-]{1,64}$/

/** AG-UI ids may be any text. Returns the id itself if it is valid here, else an id derived from it. */
export function fitId(id: string, prefix: string): string {
  return AN_ID.test(id) ? id : `${prefix}_${createHash('sha256').update(id).digest('base64url').slice(0, 22)}`
}

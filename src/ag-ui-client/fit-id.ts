import { createHash } from 'node:crypto'

const AN_ID = /^[A-Za-z0-9_-]{1,64}$/

/** Ids of AG-UI are any text. The id itself where it may be one here, else one that is made of it. */
export function fitId(id: string, prefix: string): string {
  return AN_ID.test(id) ? id : `${prefix}_${createHash('sha256').update(id).digest('base64url').slice(0, 22)}`
}

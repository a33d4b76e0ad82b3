import { createHash } from 'node:crypto'

const ID = /^[A-Za-z0-9_-]{1,64}$/
/** What a hashed subject looks like: an id of this form is hashed too, or its holder would have another's inbox. */
const HASHED = /^u-[A-Za-z0-9_-]{22}$/

export const isId = (text: string): boolean => ID.test(text)

/**
 * The id that stands for a token's subject in topics and record keys: the subject itself where it is an id, else `u-`
 * and 132 bits of its SHA-256. Subjects of issuers are any text, such as `auth0|66f…` or `repo:octo/app`.
 */
export function userKeyOf(sub: string): string {
  if (isId(sub) && !HASHED.test(sub)) return sub
  return `u-${createHash('sha256').update(sub).digest('base64url').slice(0, 22)}`
}

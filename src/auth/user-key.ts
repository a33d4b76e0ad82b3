import { createHash } from 'node:crypto'

const ID = /^[A-Za-z0-9_-]{1,64}$/
/**
 * The form of a hashed subject. A subject that already looks like this is hashed too; otherwise its holder would get
 * the inbox of another user.
 */
const HASHED = /^u-[A-Za-z0-9_-]{22}$/

export const isId = (text: string): boolean => ID.test(text)

/**
 * The id that represents a token's subject in topics and record keys: the subject itself if it is an id, else `u-` and
 * 132 bits of its SHA-256. Subjects of other issuers can be any text, such as `auth0|66f…` or `repo:octo/app`.
 */
export function userKeyOf(sub: string): string {
  if (isId(sub) && !HASHED.test(sub)) return sub
  return `u-${createHash('sha256').update(sub).digest('base64url').slice(0, 22)}`
}

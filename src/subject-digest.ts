import { createHash } from 'node:crypto'

/** What an answer to a question names, so that it counts for what was asked and for nothing that replaced it. */
export const subjectDigest = (subject: unknown): string =>
  `sha256:${createHash('sha256').update(JSON.stringify(subject)).digest('hex')}`

import { createHash } from 'node:crypto'

/** Identifies the subject of a question, so that an answer counts only for that subject, not for a replacement. */
export const subjectDigest = (subject: unknown): string =>
  `sha256:${createHash('sha256').update(JSON.stringify(subject)).digest('hex')}`

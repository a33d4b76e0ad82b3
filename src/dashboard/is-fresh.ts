const opaque = (tag: string) => tag.trim().replace(/^W\//, '')

/** Whether `If-None-Match` names what would be sent. A proxy that compresses makes a tag weak: it is compared as such. */
export const isFresh = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch?.split(',').some(tag => opaque(tag) === etag || tag.trim() === '*') ?? false

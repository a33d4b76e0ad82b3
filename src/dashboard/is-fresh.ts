const opaque = (tag: string) => tag.trim().replace(/^W\//, '')

/** Whether `If-None-Match` matches the page. Compares weakly, since a proxy that compresses makes the tag weak. */
export const isFresh = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch?.split(',').some(tag => opaque(tag) === etag || tag.trim() === '*') ?? false

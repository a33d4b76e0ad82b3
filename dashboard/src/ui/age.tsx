import { useNow } from '@fleetwire/react'
import { age } from '../model/format.ts'

/** How long ago a time was, in one unit; the tooltip has the exact time. */
export function Age({ at }: { at: number }) {
  const now = useNow()
  return <time title={new Date(at).toLocaleString()}>{age(now - at)}</time>
}

import { useNow } from '@fleetwire/react'
import { age } from '../model/format.ts'

/** How long ago, in one unit; the time itself in its tooltip. */
export function Age({ at }: { at: number }) {
  const now = useNow()
  return <time title={new Date(at).toLocaleString()}>{age(now - at)}</time>
}

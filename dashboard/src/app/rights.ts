import { useConnection } from '@fleetwire/react'

export interface Rights {
  /** Submit, stop, answer. */
  canCommand: boolean
  isAdmin: boolean
}

/** What the token's role allows; the server has the last word. Nothing until it is known. */
export function useRights(): Rights {
  const { role } = useConnection()
  return { canCommand: role === 'operator' || role === 'admin', isAdmin: role === 'admin' }
}

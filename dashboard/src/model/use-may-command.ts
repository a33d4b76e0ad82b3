import { useConnection } from '@fleetwire/react'
import { mayOperate } from './rights.ts'

/** What this token lets do, as far as its role says: the server decides anew each time. */
export function useMayCommand(): boolean {
  const { role } = useConnection()
  return role === undefined || mayOperate(role)
}

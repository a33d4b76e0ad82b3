import { useConnection } from '@fleetwire/react'
import { mayOperate } from './rights.ts'

/** Whether the role of this token may send commands. The server still decides each time. */
export function useMayCommand(): boolean {
  const { role } = useConnection()
  return role === undefined || mayOperate(role)
}

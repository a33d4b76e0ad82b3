import { useConnection, useNow } from '@fleetwire/react'
import { connectionView } from '../../../shell/connection-view.ts'

/** Whether the connection is gone for so long that it is said. */
export function useIsAway(): boolean {
  return connectionView(useConnection(), useNow()).state !== 'online'
}

import { useConnection, useNow } from '@fleetwire/react'
import { connectionView } from '../../../shell/connection-view.ts'

/** Whether the connection has been gone long enough to show it. */
export function useIsAway(): boolean {
  return connectionView(useConnection(), useNow()).state !== 'online'
}

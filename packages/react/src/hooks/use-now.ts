import { systemClock } from '@fleetwire/client'
import { clockStore } from '../store/clock-store.ts'
import { useSource } from './use-live.ts'

/** The server time in epoch ms, updated once a second and paused while the page is hidden. */
export function useNow(): number {
  return useSource(clockStore)
}

/** The current server time in epoch ms, for comparison with the times of records outside rendering. */
export const serverNow = (): number => systemClock.now() + clockStore.aheadMs

import { systemClock } from '@fleetwire/client'
import { clockStore } from '../store/clock-store.ts'
import { useSource } from './use-live.ts'

/** The time of the server in epoch ms, told once a second; it stands still while the page is hidden. */
export function useNow(): number {
  return useSource(clockStore)
}

/** The time of the server in epoch ms, now: for what is compared with the times of records outside of drawing. */
export const serverNow = (): number => systemClock.now() + clockStore.aheadMs

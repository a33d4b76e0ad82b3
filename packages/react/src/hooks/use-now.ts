import { clockStore } from '../store/clock-store.ts'
import { useSource } from './use-live.ts'

/** The time in epoch ms, told once a second; it stands still while the page is hidden. */
export function useNow(): number {
  return useSource(clockStore)
}

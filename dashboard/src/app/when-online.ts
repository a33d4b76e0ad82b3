import type { DashboardClient } from '@fleetwire/client'

/** Resolves once there is a connection; REST calls do not wait for one by themselves. False if aborted. */
export function whenOnline({ status }: Pick<DashboardClient, 'status'>, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false)
  if (status.value.state === 'online') return Promise.resolve(true)
  return new Promise(resolve => {
    const settle = (isOnline: boolean) => {
      leave()
      signal.removeEventListener('abort', aborted)
      resolve(isOnline)
    }
    const aborted = () => settle(false)
    const leave = status.subscribe(({ state }) => state === 'online' && settle(true))
    signal.addEventListener('abort', aborted)
  })
}

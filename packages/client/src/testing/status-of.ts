import type { ConnectionStatus } from '../connection.ts'
import type { Observable } from '../observable.ts'

/** Waits until the connection is in this state. */
export function statusOf<S extends ConnectionStatus['state']>(
  { status }: { readonly status: Observable<ConnectionStatus> },
  state: S,
): Promise<Extract<ConnectionStatus, { state: S }>> {
  return new Promise(resolve => {
    const look = (value: ConnectionStatus) => {
      if (value.state !== state) return
      unsubscribe()
      resolve(value as Extract<ConnectionStatus, { state: S }>)
    }
    const unsubscribe = status.subscribe(look)
    look(status.value)
  })
}

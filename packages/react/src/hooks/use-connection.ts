import { useStore } from '../provider.tsx'
import type { Rest } from '../rest/rest.ts'
import type { ConnectionView } from '../store/connectivity.ts'
import { useSource } from './use-live.ts'

/** The state of the connection, since when it has been down, its round-trip time, and the user's id and role. */
export function useConnection(): ConnectionView {
  return useSource(useStore().connectivity)
}

/** The REST interface, with the client's token. */
export function useFleetwireRest(): Rest {
  return useStore().rest
}

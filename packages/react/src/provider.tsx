import type { DashboardClient } from '@fleetwire/client'
import { createContext, type ReactNode, useContext, useEffect } from 'react'
import { type FleetStore, storeOf } from './store/fleet-store.ts'

export interface FleetwireProviderProps {
  client: DashboardClient
  children: ReactNode
}

const StoreContext = createContext<FleetStore | undefined>(undefined)

/** Connects the client and provides it to the hooks below. The caller owns the client: it is never closed here. */
export function FleetwireProvider({ client, children }: FleetwireProviderProps) {
  useEffect(() => client.connect(), [client])
  return <StoreContext value={storeOf(client)}>{children}</StoreContext>
}

export function useStore(): FleetStore {
  const store = useContext(StoreContext)
  if (store === undefined) throw new Error('The hooks of @fleetwire/react must be used within a <FleetwireProvider>')
  return store
}

/** The client of the nearest provider, for requests. */
export function useFleetwire(): DashboardClient {
  return useStore().client
}

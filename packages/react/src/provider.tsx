import type { DashboardClient } from '@fleetwire/client'
import { createContext, type ReactNode, useContext, useEffect } from 'react'

export interface FleetwireProviderProps {
  client: DashboardClient
  children: ReactNode
}

const ClientContext = createContext<DashboardClient | undefined>(undefined)

/** Connects the client and gives it to the hooks below. The client stays its caller's: it is never closed here. */
export function FleetwireProvider({ client, children }: FleetwireProviderProps) {
  useEffect(() => client.connect(), [client])
  return <ClientContext value={client}>{children}</ClientContext>
}

/** The client of the provider above, for requests. */
export function useFleetwire(): DashboardClient {
  const client = useContext(ClientContext)
  if (client === undefined) throw new Error('useFleetwire needs a <FleetwireProvider> above it')
  return client
}

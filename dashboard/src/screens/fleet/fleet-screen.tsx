import type { AgentSort } from '@fleetwire/react'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { usePreferences } from '../../app/preferences.ts'
import { plural } from '../../model/format.ts'
import { announce } from '../../shell/announcer.ts'
import { Page } from '../../ui/page.tsx'
import { Problem } from '../../ui/states.tsx'
import { usePhone } from '../../ui/use-phone.ts'
import { AgentList } from './agent-list.tsx'
import { FleetDialogs } from './dialogs.tsx'
import { NoAgents, NoHits } from './fleet-empty.tsx'
import { FleetActions, FleetFilters, FleetView } from './fleet-header.tsx'
import { FleetSkeleton } from './fleet-skeleton.tsx'
import { useEngaged } from './use-engaged.ts'
import { useFleet } from './use-fleet.ts'

const route = getRouteApi('/')

export function FleetScreen() {
  const isPhone = usePhone()
  const bar = isPhone
    ? { actions: <FleetActions /> }
    : {
        filters: <FleetFilters />,
        actions: (
          <>
            <FleetView />
            <FleetActions />
          </>
        ),
      }
  return (
    <Page title="Fleet" scrolls={false} {...bar}>
      {isPhone && (
        <div className="flex shrink-0 flex-col gap-2 border-b border-line py-2">
          <div className="flex gap-2 overflow-x-auto px-5">
            <FleetFilters />
          </div>
          <div className="flex gap-2 px-5">
            <FleetView />
          </div>
        </div>
      )}
      <FleetList />
      <FleetDialogs />
    </Page>
  )
}

function FleetList() {
  const { q, status } = route.useSearch()
  const view = usePreferences(state => state.fleetView)
  const [sort, setSort] = useState<AgentSort>()
  const engaged = useEngaged()
  const { index, groups } = useFleet({ q, status, sort, freeze: engaged.isEngaged })
  useAnnouncedHits(index.status === 'ready' ? index.data.ids.length : undefined, `${q} ${status}`)
  if (index.status === 'loading') return <FleetSkeleton />
  if (index.status === 'error') return <Problem title="The fleet could not be loaded." error={index.error} />
  const { ids, moves, apply } = index.data
  if (ids.length === 0) return q === undefined && status === undefined ? <NoAgents /> : <NoHits />
  return (
    <AgentList
      view={view}
      groups={groups}
      ids={ids}
      moves={moves}
      apply={apply}
      sort={sort}
      onSort={setSort}
      engaged={engaged.handlers}
    />
  )
}

/** Announces the number of shown agents when the filter changes, not when agents come and go. */
function useAnnouncedHits(hits: number | undefined, filter: string): void {
  const told = useRef(filter)
  useEffect(() => {
    if (hits === undefined || told.current === filter) return
    told.current = filter
    announce(hits === 0 ? 'No agent matches' : `${plural(hits, 'agent')} shown`)
  }, [hits, filter])
}

import { useAgent, useAgentSummary } from '@fleetwire/react'
import { Link } from '@tanstack/react-router'
import { usePreferences } from '../app/preferences.ts'
import { shownStatus } from '../model/agent-status.ts'
import { cx } from '../ui/cx.ts'
import { StatusDot } from '../ui/status.tsx'
import { ConnectionIndicator } from './connection-indicator.tsx'
import { Logo } from './logo.tsx'
import { type Place, places, usePlaceCounts } from './navigation.tsx'

const row =
  'flex h-[29px] items-center gap-2.5 rounded-control px-2 text-body text-text2 hover:bg-hover hover:text-text'

/** 216 px wide; only icons below 1100 px. */
export function Rail() {
  const counts = usePlaceCounts()
  return (
    <nav aria-label="Main" className="relative flex w-14 shrink-0 flex-col border-r border-line px-2 desktop:w-[216px]">
      <Link to="/" aria-label="Fleetwire" className="flex h-[52px] items-center px-2">
        <Logo compact />
      </Link>
      <ul className="flex flex-col gap-0.5">
        {places.map(place => (
          <li key={place.to}>
            <Link
              to={place.to}
              activeOptions={{ exact: place.to === '/', includeSearch: false }}
              activeProps={{ className: 'bg-selected text-text! font-medium' }}
              className={row}
              title={place.label}
            >
              <place.icon size={16} aria-hidden className="shrink-0 desktop:hidden" />
              <span className="sr-only desktop:not-sr-only">{place.label}</span>
              <PlaceCount place={place} count={counts[place.to]} />
            </Link>
          </li>
        ))}
      </ul>
      <Pinned />
      <div className="mt-auto border-t border-line py-1.5">
        <ConnectionIndicator compact />
      </div>
    </nav>
  )
}

function PlaceCount({ place, count }: { place: Place; count: number | undefined }) {
  if (count === undefined) return null
  if (place.to !== '/needs-you') {
    return (
      <span aria-hidden className="ml-auto hidden text-meta text-text3 tabular-nums desktop:inline">
        {count.toLocaleString('en')}
      </span>
    )
  }
  if (count === 0) return null
  return (
    <span
      aria-hidden
      className={cx(
        'rounded-full bg-needs-soft px-2 text-meta font-semibold text-needs tabular-nums desktop:ml-auto',
        'max-desktop:absolute max-desktop:left-8 max-desktop:px-1',
      )}
    >
      {count}
    </span>
  )
}

function Pinned() {
  const pinned = usePreferences(state => state.pinned)
  if (pinned.length === 0) return null
  return (
    <section className="mt-5 hidden min-h-0 flex-col gap-0.5 overflow-auto desktop:flex">
      <h2 className="px-2 pb-1 text-meta text-text3">Pinned</h2>
      {pinned.map(id => (
        <PinnedAgent key={id} id={id} />
      ))}
    </section>
  )
}

function PinnedAgent({ id }: { id: string }) {
  const agent = useAgent(id)
  const summary = useAgentSummary(id)
  const seenAt = usePreferences(state => state.seen[id] ?? 0)
  if (agent.status !== 'ready' || agent.data === undefined) return null
  const status = shownStatus(agent.data, summary.status === 'ready' ? summary.data : undefined, seenAt)
  return (
    <Link to="/agents/$agentId" params={{ agentId: id }} activeProps={{ className: 'bg-selected' }} className={row}>
      <StatusDot status={status} />
      <span className="truncate">{agent.data.name}</span>
    </Link>
  )
}

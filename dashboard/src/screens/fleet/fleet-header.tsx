import { useAgentFacets, useConnection, useFleetCounts } from '@fleetwire/react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { LayoutGrid, Search, TableProperties } from 'lucide-react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { usePreferences } from '../../app/preferences.ts'
import { useShortcuts } from '../../keys/shortcuts.ts'
import { mayOperate } from '../../model/rights.ts'
import { Button, IconButton } from '../../ui/button.tsx'
import { FilterChip } from '../../ui/chip.tsx'
import { inputClass } from '../../ui/field.tsx'
import { Kbd } from '../../ui/kbd.tsx'
import { Select } from '../../ui/select.tsx'
import { bucketNames, type buckets } from './buckets.ts'
import { openDialog } from './fleet-dialogs.ts'
import { useBucketCounts } from './use-fleet.ts'

const route = getRouteApi('/')

/** The order in which most people read them: what is running, then what needs them, then the rest. */
const CHIPS = ['working', 'needs-you', 'late', 'idle', 'offline'] as const satisfies typeof buckets

export function FleetFilters() {
  const { status } = route.useSearch()
  const navigate = useNavigate()
  const counts = useBucketCounts()
  const show = (next: string | undefined) =>
    void navigate({
      to: '/',
      search: ({ q }) => ({ ...(q !== undefined && { q }), ...(next !== undefined && { status: next }) }),
    })
  return (
    <>
      <FilterChip pressed={status === undefined} count={counts?.all} onClick={() => show(undefined)}>
        All
      </FilterChip>
      {CHIPS.filter(chip => chip !== 'late' || status === 'late' || (counts?.late ?? 0) > 0).map(chip => (
        <FilterChip
          key={chip}
          pressed={status === chip}
          count={counts?.[chip]}
          onClick={() => show(status === chip ? undefined : chip)}
        >
          {bucketNames[chip]}
        </FilterChip>
      ))}
    </>
  )
}

export function FleetView() {
  return (
    <>
      <FleetSearch />
      <GroupSelect />
      <ViewSwitch />
    </>
  )
}

/** The buttons that connect agents and send commands to many. */
export function FleetActions() {
  const { role } = useConnection()
  // Without agents there is nothing to send to: only offer to connect one.
  const canSend = useHasAgents() && mayOperate(role)
  const actions = [
    { keys: '', label: 'Connect an agent', group: 'Fleet', run: () => openDialog({ type: 'connect' }) },
    ...(canSend
      ? [{ keys: 'm', label: 'Send to many agents', group: 'Fleet', run: () => openDialog({ type: 'send' }) }]
      : []),
  ]
  useShortcuts(actions)
  return (
    <>
      <Button onClick={() => openDialog({ type: 'connect' })}>Connect agent</Button>
      {canSend && (
        <Button look="filled" onClick={() => openDialog({ type: 'send' })}>
          Send to many
        </Button>
      )}
    </>
  )
}

function useHasAgents(): boolean {
  const counts = useFleetCounts()
  return counts.status === 'ready' && counts.data.total > 0
}

const TYPING_MS = 150

/** The search text is in the address, so that a link to a filtered fleet can be shared. */
function FleetSearch() {
  const { q = '' } = route.useSearch()
  const navigate = useNavigate()
  const [text, setText] = useState(q)
  const field = useRef<HTMLInputElement>(null)
  const sent = useRef(q)
  // The address was changed elsewhere, by the back button or “Clear filter”.
  useEffect(() => {
    if (q === sent.current) return
    sent.current = q
    setText(q)
  }, [q])
  useEffect(() => {
    if (text === sent.current) return
    const timer = setTimeout(() => {
      sent.current = text
      void navigate({
        to: '/',
        replace: true,
        search: ({ status }) => ({ ...(text !== '' && { q: text }), ...(status !== undefined && { status }) }),
      })
    }, TYPING_MS)
    return () => clearTimeout(timer)
  }, [text, navigate])
  useShortcuts([{ keys: '/', label: 'Search agents', group: 'Fleet', run: () => field.current?.select() }])
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return
    event.stopPropagation()
    if (text === '') field.current?.blur()
    else setText('')
  }
  return (
    <div className="relative min-w-0 flex-1 tablet:w-[230px] tablet:flex-none">
      <Search
        size={14}
        aria-hidden
        className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-text3"
      />
      <input
        ref={field}
        type="search"
        aria-label="Search agents"
        placeholder="Search agents, labels"
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={event => setText(event.target.value)}
        onKeyDown={onKeyDown}
        className={`${inputClass} peer pl-8 [&::-webkit-search-cancel-button]:hidden`}
      />
      <span className="pointer-events-none absolute top-1/2 right-2 hidden -translate-y-1/2 peer-placeholder-shown:tablet:inline-flex peer-focus:hidden!">
        <Kbd keys="/" />
      </span>
    </div>
  )
}

function GroupSelect() {
  const view = usePreferences(state => state.fleetView)
  const groupBy = usePreferences(state => state.groupBy)
  const set = usePreferences(state => state.set)
  const facets = useAgentFacets()
  if (view === 'table') return null
  const labels = facets.status === 'ready' ? [...facets.data.labels.keys()] : []
  const names = labels.includes(groupBy) || groupBy === 'status' ? labels : [...labels, groupBy]
  return (
    <Select
      label="Group by"
      prefix="Group"
      value={groupBy}
      choices={[{ value: 'status', label: 'Status' }, ...names.map(name => ({ value: name, label: name }))]}
      onChange={next => set({ groupBy: next })}
      className="max-w-44"
    />
  )
}

function ViewSwitch() {
  const view = usePreferences(state => state.fleetView)
  const set = usePreferences(state => state.set)
  const other = view === 'cards' ? 'table' : 'cards'
  useShortcuts([
    { keys: 'v', label: `Show the fleet as ${other}`, group: 'Fleet', run: () => set({ fleetView: other }) },
  ])
  return (
    <IconButton label={`Show as ${other}`} onClick={() => set({ fleetView: other })}>
      {view === 'cards' ? <TableProperties size={16} aria-hidden /> : <LayoutGrid size={16} aria-hidden />}
    </IconButton>
  )
}

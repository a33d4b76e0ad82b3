import type { LocalError } from '@fleetwire/client'
import type { WireError, WireEvent } from '@fleetwire/protocol'
import { useEvents, useFleetwireRest } from '@fleetwire/react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { type Entry, entriesOf } from './entries.ts'

const topicsOf = (agentId: string): string[] => [
  `agents.${agentId}.status`,
  `agents.${agentId}.log`,
  `agents.${agentId}.commands.*`,
  `agents.${agentId}.interactions.*`,
  `agents.${agentId}.sessions.*.status`,
  `agents.${agentId}.sessions.*.messages`,
]

const PAGE = 500
/** A page may contain only deltas of one message, so one load reads up to this many pages. */
const PAGES_A_LOAD = 8
const ENTRIES_A_LOAD = 40
/** Minimum time between two renders of live events. */
const SHOW_EVERY_MS = 200

/** Most events are of these types, which are never shown. */
const isBulk = ({ type }: WireEvent): boolean => type === 'message:delta' || type === 'tool:args'

export interface Timeline {
  /** Newest first; undefined until the first page is loaded. */
  entries: readonly Entry[] | undefined
  hasOlder: boolean
  isLoading: boolean
  error: WireError | LocalError | undefined
  loadOlder(): Promise<void>
}

/** The events of an agent: live, and as far back as the user scrolls. */
export function useTimeline(agentId: string): Timeline {
  const rest = useFleetwireRest()
  const topics = useMemo(() => topicsOf(agentId), [agentId])
  const events = useRef(new Map<string, WireEvent>())
  const cursor = useRef<string>(undefined)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const [entries, setEntries] = useState<readonly Entry[]>()
  const [state, setState] = useState<Pick<Timeline, 'hasOlder' | 'isLoading' | 'error'>>({
    ...{ hasOlder: true, isLoading: false, error: undefined },
  })
  const isBusy = useRef(false)
  /** Events were missed: the next load starts over from the newest. */
  const hasGap = useRef(false)

  const show = useCallback(() => {
    timer.current = undefined
    setEntries(entriesOf(events.current.values()))
  }, [])
  useEffect(() => () => clearTimeout(timer.current), [])

  const loadOlder = useCallback(async () => {
    if (isBusy.current) return
    isBusy.current = true
    setState(before => ({ ...before, isLoading: true, error: undefined }))
    const before = entriesOf(events.current.values()).length
    let next: string | null | undefined = cursor.current
    let error: Timeline['error']
    for (let pages = 0; pages < PAGES_A_LOAD && next !== null; pages++) {
      if (hasGap.current) next = undefined
      hasGap.current = false
      const page = await rest.events.list({ topics, limit: PAGE, ...(next !== undefined && { before: next }) })
      if (!page.ok) {
        error = page.error
        break
      }
      for (const event of page.data.items as WireEvent[]) if (!isBulk(event)) events.current.set(event.cursor, event)
      next = page.data.nextCursor
      cursor.current = next ?? cursor.current ?? ''
      if (entriesOf(events.current.values()).length - before >= ENTRIES_A_LOAD) break
    }
    isBusy.current = false
    if (error === undefined || cursor.current !== undefined) show()
    setState({ hasOlder: next !== null, isLoading: false, error })
    if (hasGap.current && error === undefined) void loadOlder()
  }, [rest, topics, show])
  const refused = useEvents(
    topics,
    event => {
      if (isBulk(event)) return
      events.current.set(event.cursor, event)
      // Before the first page is loaded, live events would look like the whole timeline.
      if (cursor.current !== undefined) timer.current ??= setTimeout(show, SHOW_EVERY_MS)
    },
    () => {
      hasGap.current = true
      void loadOlder()
    },
  )
  return { entries, ...state, error: state.error ?? refused, loadOlder }
}

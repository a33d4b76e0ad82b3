import type { Session } from '@fleetwire/protocol'
import { useMemo } from 'react'
import { useStore } from '../provider.tsx'
import type { FleetStore } from '../store/fleet-store.ts'
import { type SessionQuery, sessionRules } from '../store/list-index.ts'
import type { Live, Source } from '../store/live.ts'
import { patterns } from '../store/record-kind.ts'
import { recordLookup } from '../store/record-lookup.ts'
import { liveSource } from '../store/sources.ts'
import type { ConversationItem } from '../store/transcript.ts'
import { useIds } from './use-list.ts'
import { type ListPage, useListPage } from './use-list-page.ts'
import { SKIPPED, useSource } from './use-live.ts'
import { useRecord } from './use-records.ts'

export interface SessionView {
  /** Undefined if there is no session with this id. */
  readonly session: Session | undefined
  /** Messages and tool calls, in the order in which they began. */
  readonly itemIds: readonly string[]
  /** The state that the agent shares. */
  readonly state: unknown
  /** Whether `loadOlder` may load more. */
  readonly hasOlder: boolean
  loadOlder(): Promise<void>
}

/** The ids of an agent's sessions that are active or ended since the list was opened, newest first. */
export function useSessionIds(query: SessionQuery): Live<readonly string[]> {
  return useIds('session', patterns.sessions(query.agentId), query, sessionRules)
}

/** The same, plus the sessions that ended earlier, page by page. */
export function useSessionPage(query: SessionQuery): ListPage {
  const { agentId, status } = query
  const ids = useSessionIds(query)
  const list = { agentId, status }
  return useListPage('session', patterns.sessions(agentId), ids, list, (rest, page) => rest.sessions.list(page))
}

function sessionSource(store: FleetStore, sessionId: string): Source<Live<SessionView>> {
  let last: SessionView | undefined
  return liveSource({
    peek: () => store.peekSession(sessionId),
    open: () => store.session(sessionId),
    read(feed) {
      const { session, itemIds, state, hasOlder, loadOlder } = feed
      const isSame =
        last?.session === session && last?.itemIds === itemIds && last?.state === state && last?.hasOlder === hasOlder
      if (last === undefined || !isSame) last = { session, itemIds, state, hasOlder, loadOlder }
      return last
    },
  })
}

/** A session with the ids of its conversation. Renders when items are added, not when their text grows. */
export function useSession(id: string | 'skip'): Live<SessionView> {
  const store = useStore()
  const source = useMemo(() => (id === 'skip' ? SKIPPED : sessionSource(store, id)), [store, id])
  return useSource<Live<SessionView>>(source)
}

/** One message or tool call of a session that `useSession` reads; undefined until it is loaded. */
export function useTranscriptItem(sessionId: string, itemId: string): ConversationItem | undefined {
  const store = useStore()
  const source = useMemo(
    () =>
      liveSource({
        peek: () => store.peekSession(sessionId),
        open: () => store.session(sessionId),
        read: feed => feed.item(itemId),
        watch: (feed, listener) => feed.onItem(itemId, listener),
      }),
    [store, sessionId, itemId],
  )
  const live = useSource(source)
  return live.status === 'ready' ? live.data : undefined
}

const recordOf = (store: FleetStore, id: string) => recordLookup(store, 'session', id, patterns.sessionStatus(id))

/** One session's record without its conversation, for a list row. */
export function useSessionRecord<S = Session>(
  id: string | 'skip',
  select?: (session: Session) => S,
  equal?: (a: S, b: S) => boolean,
): Live<S | undefined> {
  return useRecord(id, recordOf, select, equal)
}

import { useNow, useSessionRecord } from '@fleetwire/react'
import { ago } from '../../../model/format.ts'
import { Select } from '../../../ui/select.tsx'
import { sessionTitle } from './session-title.ts'
import { NEW_SESSION, type ShownSession } from './use-shown-session.ts'

const MOST_CHOICES = 100

export function ConversationTools({
  session,
  canBegin,
  onSession,
}: {
  session: ShownSession
  canBegin: boolean
  onSession(sessionId: string): void
}) {
  const ids = session.ids?.slice(0, MOST_CHOICES) ?? []
  if (session.shown === undefined) return null
  const isListed = session.shown === NEW_SESSION || ids.includes(session.shown)
  return (
    <div className="flex shrink-0 items-center pr-2">
      <Select
        label="Conversation"
        value={session.shown}
        choices={[
          ...(canBegin ? [{ value: NEW_SESSION, label: 'New conversation' }] : []),
          ...(isListed ? ids : [session.shown, ...ids]).map(id => ({ value: id, label: <SessionTitle id={id} /> })),
        ]}
        onChange={onSession}
        className="max-w-72"
      />
    </div>
  )
}

function SessionTitle({ id }: { id: string }) {
  const live = useSessionRecord(id)
  const now = useNow()
  const session = live.status === 'ready' ? live.data : undefined
  if (session === undefined) return id
  return (
    <span>
      {sessionTitle(session)}{' '}
      <span className="text-text3">{session.status === 'active' ? 'active' : ago(now - session.lastActivityAt)}</span>
    </span>
  )
}

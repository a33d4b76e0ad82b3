import { Empty, Loading, SkeletonLine } from '../../../ui/states.tsx'
import { Transcript } from './transcript.tsx'
import { NEW_SESSION, type ShownSession } from './use-shown-session.ts'

export interface ConversationTabProps {
  session: ShownSession
  agentName: string
  takesPrompts: boolean
}

export default function ConversationTab({ session, agentName, takesPrompts }: ConversationTabProps) {
  const { shown, ids } = session
  if (shown === NEW_SESSION) {
    return (
      <Empty title="A new conversation" className="flex-1">
        The next prompt starts it.
      </Empty>
    )
  }
  if (shown !== undefined) return <Transcript key={shown} sessionId={shown} agentName={agentName} />
  if (ids === undefined) {
    return (
      <Loading label="Loading conversations">
        <div className="flex flex-col gap-3 p-5">
          <SkeletonLine className="w-1/2" />
          <SkeletonLine className="w-2/3" />
        </div>
      </Loading>
    )
  }
  return (
    <Empty title="No conversation yet" className="flex-1">
      {takesPrompts
        ? 'Send a prompt below: the answer appears here as it is written.'
        : 'Messages and tool calls that this agent reports appear here.'}
    </Empty>
  )
}

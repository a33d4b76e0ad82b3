import type { Session } from '@fleetwire/protocol'
import { clockTime } from '../../../model/format.ts'

const LONGEST = 80

type Titled = Pick<Session, 'sessionId' | 'title' | 'lastMessage' | 'startedAt'>

/** The title of a session; if it has none, its last message or its start time. */
export function sessionTitle({ sessionId, title, lastMessage, startedAt }: Titled): string {
  const own = title === sessionId ? '' : title
  const line = (own || lastMessage).split('\n').find(part => part.trim() !== '')
  return (
    line
      ?.replace(/^[\s#>*-]+/, '')
      .trim()
      .slice(0, LONGEST) ?? `Conversation from ${clockTime(startedAt)}`
  )
}

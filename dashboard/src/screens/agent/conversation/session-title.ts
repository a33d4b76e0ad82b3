import type { Session } from '@fleetwire/protocol'
import { clockTime } from '../../../model/format.ts'

const LONGEST = 80

type Titled = Pick<Session, 'sessionId' | 'title' | 'lastMessage' | 'startedAt'>

/** Its title; of one that was given none, the last message or when it began. */
export function sessionTitle({ sessionId, title, lastMessage, startedAt }: Titled): string {
  const own = title === sessionId ? '' : title
  const line = (own || lastMessage).split('\n').find(part => part.trim() !== '')
  return (
    line
      ?.replace(/^[\s#>*-]+/, '')
      .trim()
      .slice(0, LONGEST) ?? `Conversation of ${clockTime(startedAt)}`
  )
}

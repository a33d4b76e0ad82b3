import { type TranscriptItem, topics } from '@fleetwire/protocol'
import { decodeCursor } from '../log/cursor.ts'
import type { EventLog } from '../log/event-log.ts'
import { advance, isStreamEvent, keyOf } from '../sessions/stream-item.ts'
import type { AgUiMessage } from './ag-ui-event.ts'
import { messagesOf } from './messages.ts'

const PAGE = 500
/** For a long thread, only this many characters of the newest messages are kept. */
const MAX_CHARS = 2 * 1024 * 1024

/** The messages of a session up to a log position, as far as retention has kept them. */
export async function readHistory(
  log: Pick<EventLog, 'read'>,
  { agentId, sessionId }: { agentId: string; sessionId: string },
  upTo: number,
): Promise<AgUiMessage[]> {
  const items = new Map<string, TranscriptItem>()
  let after: string | undefined
  for (;;) {
    const page = await log.read({
      topics: [topics.sessionMessages(agentId, sessionId)],
      limit: PAGE,
      ...(after !== undefined && { after }),
    })
    if (page.status === 'gone') break
    for (const event of page.events) {
      if (event.seq > upTo || !isStreamEvent(event)) continue
      const key = keyOf(event)
      const item = advance(items.get(key), event, event.at)
      if (item !== undefined) items.set(key, item)
    }
    if (page.done || decodeCursor(page.next)!.seq >= upTo) break
    after = page.next
  }
  return messagesOf([], newest([...items.values()]))
}

function newest(items: TranscriptItem[]): TranscriptItem[] {
  let chars = 0
  const from = items.findLastIndex(item => {
    chars += item.kind === 'message' ? item.text.length : JSON.stringify(item).length
    return chars > MAX_CHARS
  })
  return items.slice(from + 1)
}

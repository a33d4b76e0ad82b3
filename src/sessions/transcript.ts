import { type TranscriptItem, topics } from '@fleetwire/protocol'
import type { EventLog, ReadResult } from '../log/event-log.ts'
import type { SessionOf } from './session-state.ts'
import { advance, isStreamEvent, keyOf } from './stream-item.ts'

/** Approximate maximum size of an answer, in characters; a single item may exceed it. */
const PAGE_CHARS = 2 * 1024 * 1024
const READ_EVENTS = 500

export type Transcript =
  | { status: 'ok'; items: TranscriptItem[]; nextCursor: string | null }
  | Extract<ReadResult, { status: 'gone' }>

/**
 * Reads the messages and tool calls of a session in the order in which they began, each complete or with its content so
 * far. A page consists of the items that begin after the cursor; reading continues until all of them have ended, even
 * past the start of the next page.
 */
export async function readTranscript(
  log: Pick<EventLog, 'read'>,
  { agentId, sessionId }: SessionOf,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<Transcript> {
  const items = new Map<string, TranscriptItem>()
  /** The position before each item. */
  const places = new Map<string, string | undefined>()
  /** What was read of each item, in characters. */
  const sizes = new Map<string, number>()
  let open = 0
  let chars = 0
  let before = cursor
  let position = cursor
  let nextCursor: string | null = null
  for (;;) {
    const page = await log.read({
      topics: [topics.sessionMessages(agentId, sessionId)],
      limit: READ_EVENTS,
      ...(position !== undefined && { after: position }),
    })
    if (page.status === 'gone') return page
    for (const event of page.events) {
      if (isStreamEvent(event)) {
        const key = keyOf(event)
        const known = items.get(key)
        const isNew = known === undefined || known.state === 'ended'
        if (isNew && nextCursor === null && items.size === limit && startsItem(event.type)) nextCursor = before ?? null
        const item = isNew && nextCursor !== null ? undefined : advance(known, event, event.at)
        if (item !== undefined && item !== known) {
          if (isNew) places.set(key, before)
          open += Number(item.state === 'open') - Number(known?.state === 'open')
          const size = (isNew ? 0 : sizes.get(key)!) + event.json.length
          chars += size - (sizes.get(key) ?? 0)
          sizes.set(key, size)
          items.set(key, item)
        }
        // Items that are written side by side may have to be cut one after the other.
        while (chars > PAGE_CHARS && items.size > 1) {
          const last = [...items.keys()].at(-1)!
          open -= Number(items.get(last)!.state === 'open')
          nextCursor = places.get(last) ?? null
          items.delete(last)
          chars -= sizes.get(last)!
          sizes.delete(last)
        }
      }
      before = event.cursor
      if (nextCursor !== null && open === 0) return { status: 'ok', items: [...items.values()], nextCursor }
    }
    if (page.done) return { status: 'ok', items: [...items.values()], nextCursor }
    position = page.next
  }
}

const startsItem = (type: string) => type === 'message:start' || type === 'tool:start'

import { type TranscriptItem, topics } from '@fleetwire/protocol'
import { partAfter } from './cut-text.ts'
import { ToolFailure } from './explain.ts'
import { type Fleet, inPath, type Page } from './fleet.ts'
import { asText } from './views.ts'

/** A message or tool call as text. `offset`: the text starts later than the item; `isCut`: it ends earlier. */
export interface TranscriptPart {
  id: string
  kind: 'message' | 'tool'
  from: string
  text: string
  state: 'open' | 'ended'
  at: number
  offset?: number
  isCut?: true
  commandId?: string
}

/**
 * A position in a transcript: `skip` items after the server's cursor, then `offset` characters into the next item. So a
 * page can end anywhere, even within a message, and the server keeps no state.
 */
interface Place {
  cursor: string | undefined
  skip: number
  offset: number
}

const encode = ({ cursor = '', skip, offset }: Place): string => `${skip}.${offset}.${cursor}`
function decode(text: string): Place {
  const [, skip, offset, cursor] = /^(\d{1,6})\.(\d{1,9})\.(.*)$/s.exec(text) ?? []
  if (skip === undefined)
    throw new ToolFailure('`cursor` is not from this tool: pass the nextCursor of the previous page.')
  return { cursor: cursor === '' ? undefined : cursor, skip: Number(skip), offset: Number(offset) }
}

export interface TranscriptRequest {
  sessionId: string
  limit: number
  chars: number
  cursor?: string | undefined
}

/** Items of a session in the order in which they started: at most `limit` items and `chars` characters. */
export async function transcriptPage(
  fleet: Fleet,
  { sessionId, limit, chars, cursor }: TranscriptRequest,
  signal: AbortSignal,
): Promise<{ items: TranscriptPart[]; nextCursor: string | null }> {
  const place: Place = cursor === undefined ? { cursor: undefined, skip: 0, offset: 0 } : decode(cursor)
  const page = await fleet.get<Page<TranscriptItem>>(
    `/sessions/${inPath(sessionId)}/messages`,
    { limit: Math.min(place.skip + limit, 500), cursor: place.cursor },
    { signal },
  )
  const items: TranscriptPart[] = []
  let left = chars
  for (const [i, item] of page.items.entries()) {
    if (i < place.skip) continue
    const offset = i === place.skip ? place.offset : 0
    if (items.length === limit || left <= 0) return { items, nextCursor: encode({ ...place, skip: i, offset: 0 }) }
    const part = partAfter(textOf(item), offset, left)
    const isCut = part.end < part.total
    items.push({
      ...viewOf(item),
      text: part.text,
      ...(offset > 0 && { offset }),
      ...(isCut && { isCut: true as const }),
    })
    if (isCut) return { items, nextCursor: encode({ ...place, skip: i, offset: part.end }) }
    left -= part.text.length
  }
  const next = page.nextCursor === null ? null : encode({ cursor: page.nextCursor, skip: 0, offset: 0 })
  return { items, nextCursor: next }
}

/** Maximum number of event pages read backward to find the start of the newest items. */
const MAX_PAGES_BACK = 8
const PAGE_EVENTS = 500

/** A cursor for `transcriptPage` at the start of the newest `count` items; undefined if the transcript starts there. */
export async function placeOfNewest(
  fleet: Fleet,
  { agentId, sessionId }: { agentId: string; sessionId: string },
  count: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const topic = topics.sessionMessages(agentId, sessionId)
  let before: string | undefined
  let found = 0
  for (let i = 0; i < MAX_PAGES_BACK; i++) {
    const page = await fleet.get<Page<{ type: string; cursor: string }>>(
      '/events',
      { topics: topic, before, limit: PAGE_EVENTS },
      { signal },
    )
    for (const { type, cursor } of page.items) {
      // The event before the first of these items: reading after its cursor starts with that item.
      if (found === count) return encode({ cursor, skip: 0, offset: 0 })
      if (type === 'message:start' || type === 'tool:start') found++
    }
    if (page.nextCursor === null) return undefined
    before = page.nextCursor
  }
  return before === undefined ? undefined : encode({ cursor: before, skip: 0, offset: 0 })
}

const viewOf = (item: TranscriptItem): Omit<TranscriptPart, 'text'> => ({
  id: item.kind === 'message' ? item.messageId : item.toolCallId,
  kind: item.kind,
  from: item.kind === 'message' ? item.role : item.name,
  state: item.state,
  at: item.startedAt,
  ...(item.commandId !== undefined && { commandId: item.commandId }),
})

function textOf(item: TranscriptItem): string {
  if (item.kind === 'message') return item.text
  const { args, argsText, result, error } = item
  return [
    asText(args ?? argsText ?? ''),
    result === undefined ? '' : `→ ${asText(result)}`,
    error === undefined ? '' : `failed: ${asText(error)}`,
  ]
    .filter(part => part !== '')
    .join('\n')
}

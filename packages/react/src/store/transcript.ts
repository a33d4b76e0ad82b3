import type { EventPayloads, TranscriptItem } from '@fleetwire/protocol'

/** What a conversation row shows: the protocol's item, whose times may be unknown in live rows. */
export type ConversationItem =
  | (Partial<Pick<Message, 'startedAt'>> & Omit<Message, 'startedAt'>)
  | (Partial<Pick<Tool, 'startedAt'>> & Omit<Tool, 'startedAt'>)
type Message = Extract<TranscriptItem, { kind: 'message' }>
type Tool = Extract<TranscriptItem, { kind: 'tool' }>

/** An event, or an item of a snapshot; the latter has no time. */
export interface TranscriptFrame {
  type: string
  at?: number
  payload: unknown
}

export const itemId = (item: ConversationItem): string => (item.kind === 'message' ? item.messageId : item.toolCallId)

/**
 * The items of one session, in the order in which they began. Items are immutable: an event replaces its item.
 * Appending a delta costs the same however long the text is, because engines join strings only when they are read.
 */
export class Transcript {
  readonly #items = new Map<string, ConversationItem>()
  /** Items from a snapshot, whose start is unknown: they began before all others. */
  readonly #unplaced = new Set<string>()
  #ids: readonly string[] | undefined

  get items(): ConversationItem[] {
    return [...this.#items.values()]
  }

  /** The same array until an item is added. */
  get ids(): readonly string[] {
    this.#ids ??= [...this.#items.keys()]
    return this.#ids
  }

  get(id: string): ConversationItem | undefined {
    return this.#items.get(id)
  }

  /** Returns the id of the item that the frame concerns; undefined for frames of other types. */
  apply({ type, at, payload }: TranscriptFrame): string | undefined {
    switch (type) {
      case 'message:start':
        return this.#put(startMessage(payload as EventPayloads['message:start'], at, this.#message(payload)))
      case 'message:delta':
        return this.#put(addText(payload as EventPayloads['message:delta'], at, this.#message(payload)))
      case 'message:end':
        return this.#put(endMessage(payload as EventPayloads['message:end'], at, this.#message(payload)))
      case 'tool:start':
        return this.#put(startTool(payload as EventPayloads['tool:start'], at, this.#tool(payload)))
      case 'tool:args':
        return this.#put(addArgs(payload as EventPayloads['tool:args'], at, this.#tool(payload)))
      case 'tool:end':
        return this.#put(endTool(payload as EventPayloads['tool:end'], at, this.#tool(payload)))
      default:
        return undefined
    }
  }

  /**
   * Prepends a page of older items, oldest first. Known items are newer and stay, but move to their place in the page.
   * Returns the ids of the changed items.
   */
  prepend(items: readonly ConversationItem[]): string[] {
    if (items.length === 0) return []
    const known = new Map(this.#items)
    const page = new Map(items.map(item => [itemId(item), item]))
    const changed = items.filter(item => !known.has(itemId(item)) || this.#unplaced.has(itemId(item))).map(itemId)
    for (const id of page.keys()) this.#unplaced.delete(id)
    this.#items.clear()
    for (const id of this.#unplaced) this.#items.set(id, known.get(id)!)
    for (const [id, item] of page) this.#items.set(id, withStart(known.get(id), item) ?? item)
    for (const [id, item] of known) if (!this.#items.has(id)) this.#items.set(id, item)
    this.#ids = undefined
    return changed
  }

  #message(payload: unknown): Message | undefined {
    return this.#items.get((payload as Message).messageId) as Message | undefined
  }

  #tool(payload: unknown): Tool | undefined {
    return this.#items.get((payload as Tool).toolCallId) as Tool | undefined
  }

  #put(item: ConversationItem): string {
    const id = itemId(item)
    if (!this.#items.has(id)) {
      this.#ids = undefined
      if (item.startedAt === undefined) this.#unplaced.add(id)
    }
    this.#items.set(id, item)
    return id
  }
}

/** Adds the start time to a known item: a snapshot does not contain it. */
function withStart(known: ConversationItem | undefined, { startedAt }: ConversationItem): ConversationItem | undefined {
  return known === undefined || known.startedAt !== undefined || startedAt === undefined
    ? known
    : { ...known, startedAt }
}

interface Concerns {
  commandId?: string
  taskId?: string
}

const concerns = ({ commandId, taskId }: Concerns) => ({
  ...(commandId !== undefined && { commandId }),
  ...(taskId !== undefined && { taskId }),
})
const begun = (at: number | undefined, before: ConversationItem | undefined) => {
  const startedAt = before?.startedAt ?? at
  return startedAt === undefined ? {} : { startedAt }
}

/** A start carries the text so far, for late joiners. */
function startMessage(payload: EventPayloads['message:start'], at: number | undefined, before?: Message) {
  const { messageId, role, text = '' } = payload
  return { kind: 'message', messageId, role, text, state: 'open', ...begun(at, before), ...concerns(payload) } as const
}

function addText({ messageId, delta }: EventPayloads['message:delta'], at: number | undefined, before?: Message) {
  if (before !== undefined) return { ...before, text: before.text + delta }
  return { kind: 'message', messageId, role: 'assistant', text: delta, state: 'open', ...begun(at, before) } as const
}

/** An end with a text overrides the deltas. */
function endMessage(payload: EventPayloads['message:end'], at: number | undefined, before?: Message) {
  const { messageId, role = before?.role ?? 'assistant', text = before?.text ?? '', incomplete } = payload
  return {
    ...({ kind: 'message', messageId, role, text, state: 'ended' } as const),
    ...begun(at, before),
    ...(at !== undefined && { endedAt: at }),
    ...concerns({ ...before, ...payload }),
    ...(incomplete && { incomplete }),
  }
}

function startTool(payload: EventPayloads['tool:start'], at: number | undefined, before?: Tool) {
  const { toolCallId, messageId, name, args } = payload
  return {
    ...({ kind: 'tool', toolCallId, name, state: 'open' } as const),
    ...(messageId !== undefined && { messageId }),
    ...(args !== undefined && { args }),
    ...begun(at, before),
    ...concerns(payload),
  }
}

function addArgs({ toolCallId, delta }: EventPayloads['tool:args'], at: number | undefined, before?: Tool) {
  if (before !== undefined) return { ...before, argsText: (before.argsText ?? '') + delta }
  return { kind: 'tool', toolCallId, name: '', argsText: delta, state: 'open', ...begun(at, before) } as const
}

/** Parses arguments that arrived in pieces. */
function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function endTool(payload: EventPayloads['tool:end'], at: number | undefined, before?: Tool): ConversationItem {
  const { toolCallId, result, error, args = before?.args ?? parsed(before?.argsText) } = payload
  return {
    ...(before ?? ({ kind: 'tool', toolCallId, name: '' } as const)),
    state: 'ended',
    ...(at !== undefined && { endedAt: at }),
    ...(args !== undefined && { args }),
    ...(result !== undefined && { result }),
    ...(error !== undefined && { error }),
  }
}

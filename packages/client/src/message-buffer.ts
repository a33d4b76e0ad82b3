export interface MessageView {
  readonly kind: 'message'
  readonly messageId: string
  readonly sessionId: string
  readonly role: string | undefined
  readonly text: string
  readonly state: 'open' | 'ended'
  /** The agent never ended the message, so the text may stop anywhere. */
  readonly isIncomplete: boolean
}

export interface ToolCallView {
  readonly kind: 'tool'
  readonly toolCallId: string
  readonly sessionId: string
  /** The message that requests the call, if known. */
  readonly messageId: string | undefined
  readonly name: string
  /** The complete arguments; undefined while they arrive in pieces, or if there are none. */
  readonly args: unknown
  /** The arguments' JSON received so far. */
  readonly argsText: string
  readonly result: unknown
  readonly error: unknown
  readonly state: 'open' | 'ended'
}

export type TranscriptView = MessageView | ToolCallView

/** The part of an event or a snapshot item that is used here. */
export interface MessageFrame {
  type: string
  payload: unknown
}

interface MessagePayload {
  sessionId: string
  messageId: string
  role?: string
  text?: string
  delta?: string
  incomplete?: boolean
}

interface ToolPayload {
  sessionId: string
  toolCallId: string
  messageId?: string
  name?: string
  args?: unknown
  delta?: string
  result?: unknown
  error?: unknown
}

/**
 * Builds a conversation from the events of messages and tool calls, ordered by when they began. Views are immutable:
 * each event replaces only the view that it concerns.
 */
export class MessageBuffer {
  readonly #views = new Map<string, TranscriptView>()
  #items: readonly TranscriptView[] | undefined

  /** The same array until something changes. */
  get items(): readonly TranscriptView[] {
    this.#items ??= [...this.#views.values()]
    return this.#items
  }

  get messages(): MessageView[] {
    return this.items.filter(item => item.kind === 'message')
  }

  get toolCalls(): ToolCallView[] {
    return this.items.filter(item => item.kind === 'tool')
  }

  /** Returns the updated message or tool call; undefined for frames of other types. */
  apply({ type, payload }: MessageFrame): TranscriptView | undefined {
    switch (type) {
      case 'message:start':
      case 'message:delta':
      case 'message:end':
        return this.#message(type, payload as MessagePayload)
      case 'tool:start':
      case 'tool:args':
      case 'tool:end':
        return this.#tool(type, payload as ToolPayload)
      default:
        return undefined
    }
  }

  clear(): void {
    this.#views.clear()
    this.#items = undefined
  }

  #message(type: `message:${'start' | 'delta' | 'end'}`, payload: MessagePayload): MessageView {
    const { sessionId, messageId, role, text, delta, incomplete = false } = payload
    const key = `message ${sessionId}/${messageId}`
    const before = this.#views.get(key) as MessageView | undefined
    const sofar = before?.text ?? ''
    return this.#set(key, {
      kind: 'message',
      messageId,
      sessionId,
      role: role ?? before?.role,
      // A start carries the text so far (for late joiners); an end with a text overrides the deltas.
      text: type === 'message:delta' ? sofar + delta : (text ?? (type === 'message:start' ? '' : sofar)),
      state: type === 'message:end' ? 'ended' : 'open',
      isIncomplete: incomplete,
    })
  }

  #tool(type: `tool:${'start' | 'args' | 'end'}`, payload: ToolPayload): ToolCallView {
    const { sessionId, toolCallId, messageId, name, args, delta, result, error } = payload
    const key = `tool ${sessionId}/${toolCallId}`
    const before = this.#views.get(key) as ToolCallView | undefined
    return this.#set(key, {
      kind: 'tool',
      toolCallId,
      sessionId,
      messageId: messageId ?? before?.messageId,
      name: name ?? before?.name ?? '',
      args: args ?? before?.args,
      // A start resets the arguments: for late joiners, one piece with all arguments so far follows it.
      argsText: type === 'tool:start' ? '' : (before?.argsText ?? '') + (type === 'tool:args' ? delta : ''),
      result,
      error,
      state: type === 'tool:end' ? 'ended' : 'open',
    })
  }

  #set<T extends TranscriptView>(key: string, view: T): T {
    this.#views.set(key, view)
    this.#items = undefined
    return view
  }
}

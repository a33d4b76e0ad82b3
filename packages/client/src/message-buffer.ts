export interface MessageView {
  readonly messageId: string
  readonly sessionId: string
  readonly role: string | undefined
  readonly text: string
  readonly state: 'open' | 'ended'
}

/** The part of an event or of a snapshot's item that matters here. */
export interface MessageFrame {
  type: string
  payload: unknown
}

interface MessagePayload {
  messageId: string
  sessionId: string
  role?: string
  text?: string
  delta?: string
}

/** Turns `message:start`, `message:delta` and `message:end` into texts, in the order in which the messages began. */
export class MessageBuffer {
  readonly #messages = new Map<string, MessageView>()

  get messages(): MessageView[] {
    return [...this.#messages.values()]
  }

  /** The message as it is after this frame; undefined for frames of other types. */
  apply({ type, payload }: MessageFrame): MessageView | undefined {
    if (type !== 'message:start' && type !== 'message:delta' && type !== 'message:end') return undefined
    const { messageId, sessionId, role, text, delta } = payload as MessagePayload
    const key = `${sessionId}/${messageId}`
    const before = this.#messages.get(key)
    const sofar = before?.text ?? ''
    const view: MessageView = {
      messageId,
      sessionId,
      role: role ?? before?.role,
      // A start restates the text so far (a late joiner gets one); an end that carries a text overrules the deltas.
      text: type === 'message:delta' ? sofar + delta : (text ?? (type === 'message:start' ? '' : sofar)),
      state: type === 'message:end' ? 'ended' : 'open',
    }
    this.#messages.set(key, view)
    return view
  }

  clear(): void {
    this.#messages.clear()
  }
}

import { type BaseEvent, EventType, HttpAgent, type Message, type State } from '@ag-ui/client'

/** The contents of a thread, as sent to each run. */
export interface Conversation {
  messages: Message[]
  state: State
}

/** Delta events that make up messages. State and activities are tracked elsewhere. */
const deltas = new Map<string, (event: never) => string>([
  [EventType.TEXT_MESSAGE_CONTENT, ({ messageId }: { messageId: string }) => messageId],
  [EventType.REASONING_MESSAGE_CONTENT, ({ messageId }: { messageId: string }) => messageId],
  [EventType.TOOL_CALL_ARGS, ({ toolCallId }: { toolCallId: string }) => toolCallId],
])
const noted: ReadonlySet<string> = new Set([
  ...deltas.keys(),
  EventType.RUN_STARTED,
  EventType.TEXT_MESSAGE_START,
  EventType.TEXT_MESSAGE_END,
  EventType.REASONING_START,
  EventType.REASONING_MESSAGE_START,
  EventType.REASONING_MESSAGE_END,
  EventType.REASONING_END,
  EventType.REASONING_ENCRYPTED_VALUE,
  EventType.TOOL_CALL_START,
  EventType.TOOL_CALL_END,
  EventType.TOOL_CALL_RESULT,
  EventType.MESSAGES_SNAPSHOT,
])

interface Noted {
  event: BaseEvent
  /** For a growing message: its text so far, in chunks. */
  parts?: string[]
}

const frameOf = (event: object): string => `data: ${JSON.stringify(event)}\n\n`

/** Keeps the client from writing an error to the terminal. The client supports it, though its types do not say so. */
export const quiet = { stopPropagation: true } as object

/**
 * The messages of a thread, as a run changes them. The AG-UI client copies all messages for each event, which takes
 * minutes for a long response in a long thread. So it gets the events only after the run has ended, with all deltas of
 * a message merged into one.
 */
export class History {
  readonly #before: readonly Message[]
  readonly #events: Noted[] = []
  readonly #open = new Map<string, string[]>()
  #hasStarted = false

  constructor(before: readonly Message[]) {
    this.#before = before
  }

  note(event: BaseEvent): void {
    const { type } = event
    if (!noted.has(type)) return
    // Ends of runs are not noted, so all runs on one stream count as a single run here.
    if (type === EventType.RUN_STARTED && this.#hasStarted) return
    this.#hasStarted = true
    const idOf = deltas.get(type)
    if (idOf === undefined) {
      // Any other event may end a growing message.
      this.#open.clear()
      this.#events.push({ event })
      return
    }
    const key = `${type} ${idOf(event as never)}`
    const { delta } = event as unknown as { delta: string }
    const parts = this.#open.get(key)
    if (parts !== undefined) {
      parts.push(delta)
      return
    }
    this.#open.set(key, [delta])
    this.#events.push({ event, parts: this.#open.get(key)! })
  }

  /**
   * All messages, including those from before the run. A snapshot by the agent may change messages and add to them, but
   * messages that it omits stay in the thread.
   */
  async messages(): Promise<Message[]> {
    const frames = this.#events.map(({ event, parts }) => frameOf(parts ? { ...event, delta: parts.join('') } : event))
    const agent = new HttpAgent({
      url: 'http://replay.invalid',
      initialMessages: [...this.#before],
      fetch: async () => new Response(frames.join('')),
    })
    // Events that the client cannot process are dropped; the result of the others counts.
    await agent.runAgent({}, { onRunFailed: () => quiet }).catch(() => {})
    const now = new Map(agent.messages.map(message => [message.id, message]))
    const isLost = this.#before.some(({ id }) => !now.has(id))
    if (!isLost) return agent.messages
    const before = new Set(this.#before.map(({ id }) => id))
    return [
      ...this.#before.map(message => now.get(message.id) ?? message),
      ...agent.messages.filter(({ id }) => !before.has(id)),
    ]
  }
}

type ToolCallOf = NonNullable<Extract<Message, { role: 'assistant' }>['toolCalls']>[number]

/**
 * Gives each tool call a result. A run that broke off leaves calls without one, and models refuse a conversation in
 * which one is missing. Calls with incomplete arguments are dropped.
 */
export function settled(messages: readonly Message[], why: string): Message[] {
  const answered = new Set(messages.flatMap(message => (message.role === 'tool' ? [message.toolCallId] : [])))
  return messages.flatMap((message): Message[] => {
    if (message.role !== 'assistant' || message.toolCalls === undefined) return [message]
    const calls = message.toolCalls.filter(call => answered.has(call.id) || isWhole(call))
    const missing = calls.filter(({ id }) => !answered.has(id))
    const { toolCalls: _, ...rest } = message
    const kept: Message = calls.length === 0 ? rest : { ...rest, toolCalls: calls }
    if (calls.length === 0 && !message.content) return []
    return [
      kept,
      ...missing.map(
        ({ id }): Message => ({ id: `${id}-none`, role: 'tool', toolCallId: id, content: why, error: why }),
      ),
    ]
  })
}

function isWhole({ function: { arguments: args } }: ToolCallOf): boolean {
  try {
    JSON.parse(args)
    return true
  } catch {
    return args === ''
  }
}

import { type BaseEvent, EventType, HttpAgent, type Message, type State } from '@ag-ui/client'

/** What a thread consists of, as each run is sent it. */
export interface Conversation {
  messages: Message[]
  state: State
}

/** Events that make messages. State and activities are kept elsewhere. */
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
  /** Of a message that grows: all its text so far. */
  parts?: string[]
}

const frameOf = (event: object): string => `data: ${JSON.stringify(event)}\n\n`

/** Keeps the client from writing an error to the terminal: it takes this, though its types do not say so. */
export const quiet = { stopPropagation: true } as object

/**
 * The messages of a thread, as a run changes them. The client of AG-UI copies all messages for each event, which takes
 * minutes for a long answer in a long thread: it is given the events only when the run has ended, with all deltas of one
 * message as one.
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
    // The ends of runs are not noted, so that those which follow on the same stream are one for this purpose.
    if (type === EventType.RUN_STARTED && this.#hasStarted) return
    this.#hasStarted = true
    const idOf = deltas.get(type)
    if (idOf === undefined) {
      // Whatever begins or ends may be the end of what grows.
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
   * All messages, those before the run included: a snapshot of the agent may change them and add to them, but an agent
   * that forgets does not make the thread forget.
   */
  async messages(): Promise<Message[]> {
    const frames = this.#events.map(({ event, parts }) => frameOf(parts ? { ...event, delta: parts.join('') } : event))
    const agent = new HttpAgent({
      url: 'http://replay.invalid',
      initialMessages: [...this.#before],
      fetch: async () => new Response(frames.join('')),
    })
    // What it cannot make sense of is left out; what it made of the rest stands.
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
 * which one is missing; a call whose arguments broke off is left out.
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

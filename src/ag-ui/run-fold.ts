import type { Agent, Command, EventPayloads, Interaction, Task, TranscriptItem } from '@fleetwire/protocol'
import { isFinal } from '@fleetwire/protocol'
import { patchState } from '../sessions/patch-state.ts'
import { advance, isStreamEvent, keyOf, type StreamEvent } from '../sessions/stream-item.ts'
import { type AgUiEvent, type AgUiMessage, PROTOCOL_VERSION } from './ag-ui-event.ts'
import type { AgUiRun } from './ag-ui-run.ts'
import { interruptOf } from './interrupts.ts'
import { argumentsOf, isReasoning, messagesOf, resultIdOf, resultText, textRoleOf } from './messages.ts'
import { codeOf, endingOf } from './run-ending.ts'
import { StreamVerifier } from './stream-verifier.ts'
import { voiceOf } from './voice.ts'

/** The fields of a log event that the fold reads. */
export interface LoggedEvent {
  type: string
  topic: string
  at: number
  payload: unknown
}

/** An event of a run's stream, and its position, counted from 1. */
export interface AgUiFrame {
  n: number
  event: AgUiEvent
}

type Tool = Extract<TranscriptItem, { kind: 'tool' }>
type Message = Extract<TranscriptItem, { kind: 'message' }>

/**
 * The stream of one run, folded from the events of its command since the command started. The fold is pure: the same
 * log gives the same frames with the same numbers, on any connection and after any restart. Events before the run
 * itself (those of earlier runs of the command) are folded without producing frames.
 */
export class RunFold {
  readonly run: AgUiRun
  readonly #history: readonly AgUiMessage[]
  #verifier = new StreamVerifier()
  #n = 0
  #segment = 0
  readonly #items = new Map<string, TranscriptItem>()
  readonly #interactions = new Map<string, Interaction>()
  /** The questions that ended the previous run. New ones are asked once none of these is open. */
  #asked: string[] = []
  readonly #askedIn = new Map<string, number>()
  #command: Command | undefined
  #state: unknown
  /** Calls of client tools, whose results the client must supply. */
  readonly #pending = new Set<string>()
  /** Calls whose result was sent. */
  readonly #results = new Set<string>()
  /** Whether the agent produced any text for people. */
  #hasSpoken = false
  /** The last JSON sent under each name: repeats are not sent. */
  readonly #told = new Map<string, string>()
  #terminal: AgUiEvent | undefined

  /** `history`: the messages of the thread before the command. */
  constructor(run: AgUiRun, history: readonly AgUiMessage[]) {
    this.run = run
    this.#history = history
    this.#state = run.state
  }

  /** The number of frames so far. */
  get n(): number {
    return this.#n
  }

  get isOver(): boolean {
    return this.#verifier.isOver
  }

  /** The segment of the run that this question ended; undefined if it ended none. */
  askedIn(interactionId: string): number | undefined {
    return this.#askedIn.get(interactionId)
  }

  /** Whether the command asks this question, and nobody has answered it. */
  isOpen(interactionId: string): boolean {
    return this.#interactions.has(interactionId)
  }

  /** The questions of the previous run that are still open. */
  waitsFor(): string[] {
    return this.#asked.filter(id => this.#interactions.has(id))
  }

  /** The frames before any event. Must be called once, first. */
  begin(): AgUiFrame[] {
    return this.#opening()
  }

  apply(event: LoggedEvent): AgUiFrame[] {
    if (this.isOver) return []
    const frames = this.#emit(this.#read(event))
    const asking = this.#asking()
    if (asking.length === 0) return frames
    this.#asked = asking.map(({ interactionId }) => interactionId)
    for (const id of this.#asked) this.#askedIn.set(id, this.#segment)
    if (this.#segment === this.run.segment) return [...frames, ...this.#emit(this.#interrupt(asking))]
    this.#segment++
    // For the client, everything that was open ended with the previous run.
    this.#verifier = new StreamVerifier(this.#verifier)
    return this.#opening()
  }

  /** Brings a joining client up to date before the frames that follow: what it missed, then openers for open items. */
  prelude(): AgUiEvent[] {
    return [
      this.#started(),
      this.#stateNow(),
      this.#correction(),
      ...this.#verifier.openers(),
      ...(this.#terminal === undefined ? [] : [this.#terminal]),
    ]
  }

  messages(): AgUiMessage[] {
    return messagesOf(this.#history, this.#items.values(), ({ toolCallId }) => this.#results.has(toolCallId))
  }

  #opening(): AgUiFrame[] {
    return this.#emit([this.#started(), this.#stateNow()])
  }

  #started(): AgUiEvent {
    const { threadId, runId } = this.run
    return { type: 'RUN_STARTED', threadId, runId, protocolVersion: PROTOCOL_VERSION }
  }

  #stateNow(): AgUiEvent {
    return { type: 'STATE_SNAPSHOT', snapshot: this.#state }
  }

  #emit(events: readonly AgUiEvent[]): AgUiFrame[] {
    // Events of earlier runs pass the verifier too: the next run's verifier takes over their tool calls.
    const admitted = events.flatMap(event => this.#verifier.admit(event))
    if (this.#segment !== this.run.segment) return []
    if (this.isOver) this.#terminal = admitted.at(-1)
    return admitted.map(event => ({ n: ++this.#n, event }))
  }

  #read(event: LoggedEvent): AgUiEvent[] {
    if (isStreamEvent(event)) return this.#isOurs(event) ? this.#stream(event, event.at) : []
    const { type, payload } = event
    if (type.startsWith('command:')) return this.#commandEvent(payload as Command)
    if (type.startsWith('interaction:')) return this.#interaction(payload as Interaction)
    if (type.startsWith('task:')) return type === 'task:deleted' ? [] : this.#task(payload as Task)
    switch (type) {
      case 'state:snapshot':
        return this.#stateSnapshot(payload as EventPayloads['state:snapshot'])
      case 'state:patch':
        return this.#statePatch(payload as EventPayloads['state:patch'])
      case 'agent:status':
        return this.#agent(payload as Agent)
      default:
        return []
    }
  }

  /** An event belongs to the command that it names; if it names none, to the run in whose session it happens. */
  #isOurs(event: StreamEvent): boolean {
    const { commandId, sessionId } = event.payload
    if (commandId !== undefined) return commandId === this.run.commandId
    if (this.#items.has(keyOf(event))) return true
    return sessionId === this.run.sessionId && (event.type === 'message:start' || event.type === 'tool:start')
  }

  #stream(event: StreamEvent, at: number): AgUiEvent[] {
    const key = keyOf(event)
    const before = this.#items.get(key)
    const after = advance(before, event, at)
    // An ended item does not change any more.
    if (after === undefined || after === before) return []
    if (after.kind === 'message') {
      this.#items.set(key, after)
      return this.#message(event, before as Message | undefined, after)
    }
    const call = { ...after, ...(event.type === 'tool:start' && this.#parentOf(after)) }
    this.#items.set(key, call)
    return this.#tool(event, before as Tool | undefined, call)
  }

  #message(event: StreamEvent, before: Message | undefined, after: Message): AgUiEvent[] {
    // A message keeps its voice, whatever role its end carries.
    const voice = voiceOf(before ?? after)
    if (after.text !== '' && textRoleOf(after.role) === 'assistant' && !isReasoning(after.role)) this.#hasSpoken = true
    if (event.type === 'message:delta') return voice.say(event.payload.delta)
    const said = before?.text ?? ''
    const ending = event.type === 'message:end' ? voice.close : []
    if (after.text.startsWith(said) && (before === undefined || before.role === after.role)) {
      const rest = voice.say(after.text.slice(said.length))
      return [...(event.type === 'message:start' || rest.length > 0 ? voice.open : []), ...rest, ...ending]
    }
    // The text differs from what the client was sent: it can only be corrected as a whole.
    return [...voice.close, this.#correction(), ...(event.type === 'message:start' ? voice.open : [])]
  }

  #correction(): AgUiEvent {
    return { type: 'MESSAGES_SNAPSHOT', messages: this.messages() }
  }

  #tool(event: StreamEvent, before: Tool | undefined, after: Tool): AgUiEvent[] {
    const { toolCallId, name, messageId } = after
    const parent = messageId !== undefined && { parentMessageId: messageId }
    const end: AgUiEvent = { type: 'TOOL_CALL_END', toolCallId }
    const start: AgUiEvent = { type: 'TOOL_CALL_START', toolCallId, toolCallName: name, ...parent }
    const argue = (delta: string): AgUiEvent => ({ type: 'TOOL_CALL_ARGS', toolCallId, delta })
    switch (event.type) {
      case 'tool:start': {
        this.#pending.delete(toolCallId)
        this.#results.delete(toolCallId)
        // A call with this id starts again: the earlier one, as sent to the client, is superseded.
        if (before !== undefined) return [end, this.#correction(), ...(after.args === undefined ? [start] : [])]
        return after.args === undefined ? [start] : [start, argue(argumentsOf(after)), end]
      }
      case 'tool:args':
        return after.args === undefined ? [argue(event.payload.delta)] : []
      case 'tool:end':
        return before?.state === 'open' ? [...this.#argued(before, after, argue), end, ...this.#return(after)] : []
      default:
        return []
    }
  }

  /** The rest of the arguments, to be sent when a call ends. */
  #argued(before: Tool, after: Tool, argue: (delta: string) => AgUiEvent): AgUiEvent[] {
    const told = argumentsOf(before)
    const whole = argumentsOf(after)
    if (told === '') return [argue(whole)]
    if (told === whole || sameJson(told, whole)) return []
    return [{ type: 'TOOL_CALL_END', toolCallId: after.toolCallId }, this.#correction()]
  }

  /** A client tool has no result here: its result comes with the client's next run. */
  #return(tool: Tool): AgUiEvent[] {
    const { toolCallId, name, result, error } = tool
    const isLeft = result === undefined && (error === undefined || codeOf(error) === 'abandoned')
    if (isLeft && this.run.tools.includes(name)) {
      this.#pending.add(toolCallId)
      return []
    }
    this.#results.add(toolCallId)
    const failed = error !== undefined && { metadata: { isError: true as const } }
    const messageId = resultIdOf(toolCallId)
    return [{ type: 'TOOL_CALL_RESULT', messageId, toolCallId, content: resultText(tool), role: 'tool', ...failed }]
  }

  /** The message that a call belongs to: the one that it names, or the one that is being written. */
  #parentOf({ messageId }: Tool): { messageId?: string } {
    if (messageId !== undefined) return {}
    const open = [...this.#items.values()].findLast(
      item => item.kind === 'message' && item.state === 'open' && item.role === 'assistant',
    )
    return open?.kind === 'message' ? { messageId: open.messageId } : {}
  }

  #stateSnapshot({ sessionId, snapshot }: EventPayloads['state:snapshot']): AgUiEvent[] {
    if (sessionId !== this.run.sessionId) return []
    this.#state = snapshot
    return [this.#stateNow()]
  }

  #statePatch({ sessionId, patch }: EventPayloads['state:patch']): AgUiEvent[] {
    if (sessionId !== this.run.sessionId) return []
    const patched = patchState(structuredClone(this.#state), patch)
    // The patch applied on the server, so the base state differs here, and a client's state would be wrong too.
    if (patched.status === 'refused') return []
    this.#state = patched.state
    return isPlain(patch) ? [{ type: 'STATE_DELTA', delta: patch }] : [this.#stateNow()]
  }

  #interaction(interaction: Interaction): AgUiEvent[] {
    const { interactionId, commandId, sessionId } = interaction
    const isOurs = commandId === undefined ? sessionId === this.run.sessionId : commandId === this.run.commandId
    if (!isOurs) return []
    if (interaction.state === 'open') this.#interactions.set(interactionId, interaction)
    else this.#interactions.delete(interactionId)
    return []
  }

  /** The questions that end the run now: the command waits for them, and all earlier questions are answered. */
  #asking(): Interaction[] {
    if (this.isOver || this.#interactions.size === 0 || this.#asked.some(id => this.#interactions.has(id))) return []
    const open = [...this.#interactions.values()]
    const waits = this.#command?.waitingSince !== undefined || open.some(({ commandId }) => commandId === undefined)
    return waits ? open : []
  }

  #interrupt(asking: readonly Interaction[]): AgUiEvent[] {
    const { threadId, runId } = this.run
    return [
      ...this.#verifier.closers(),
      this.#stateNow(),
      this.#correction(),
      { type: 'RUN_FINISHED', threadId, runId, outcome: { type: 'interrupt', interrupts: asking.map(interruptOf) } },
    ]
  }

  #agent({ agentId, status, link, work, detail }: Agent): AgUiEvent[] {
    return agentId === this.run.agentId ? this.#tell('agent.status', { status, link, work, detail }) : []
  }

  #task({ agentId, taskId, title, status, createdAt }: Task): AgUiEvent[] {
    if (agentId !== this.run.agentId || this.#command === undefined || createdAt < this.#command.createdAt) return []
    const stepName = title === '' || title === taskId ? taskId : `${title} (${taskId})`
    if (status === 'running' || status === 'paused')
      return [{ type: 'STEP_STARTED', stepName: this.#step(taskId, stepName) }]
    return status === 'pending' ? [] : [{ type: 'STEP_FINISHED', stepName: this.#step(taskId, stepName) }]
  }

  readonly #steps = new Map<string, string>()

  /** A step keeps its name, which identifies it, even if the task is renamed. */
  #step(taskId: string, name: string): string {
    const known = this.#steps.get(taskId) ?? name
    this.#steps.set(taskId, known)
    return known
  }

  #commandEvent(command: Command): AgUiEvent[] {
    if (command.commandId !== this.run.commandId) return []
    this.#command = command
    const { status, phase, progress } = command
    if (isFinal(status)) return this.#ended(command)
    return [
      ...this.#tell('run.status', { status, ...(phase !== undefined && { phase }) }),
      ...(progress === undefined ? [] : this.#tell('run.progress', progress)),
    ]
  }

  #tell(name: string, value: object): AgUiEvent[] {
    const text = JSON.stringify(value)
    if (this.#told.get(name) === text) return []
    this.#told.set(name, text)
    return [{ type: 'CUSTOM', name, value }]
  }

  #ended(command: Command): AgUiEvent[] {
    return [...this.#spoken(command), endingOf(command, this.run, [...this.#pending])]
  }

  /** The agent's text output, if it produced no text while it ran. */
  #spoken({ commandId: messageId, output }: Command): AgUiEvent[] {
    if (this.#hasSpoken || typeof output !== 'string' || output === '') return []
    const of = { sessionId: this.run.sessionId, agentId: this.run.agentId, messageId }
    const start = { type: 'message:start', payload: { ...of, role: 'assistant', text: output } } as const
    this.#items.set(`message ${messageId}`, { ...(advance(undefined, start, 0) as Message), state: 'ended' })
    return [
      { type: 'TEXT_MESSAGE_START', messageId, role: 'assistant' },
      { type: 'TEXT_MESSAGE_CONTENT', messageId, delta: output },
      { type: 'TEXT_MESSAGE_END', messageId },
    ]
  }
}

/** Clients refuse to apply other patches, and their state would then differ from the server's. */
const isPlain = (patch: EventPayloads['state:patch']['patch']): boolean =>
  patch.every(({ path, from = '' }) => !/__proto__|prototype/.test(path + from))

function sameJson(a: string, b: string): boolean {
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b))
  } catch {
    return false
  }
}

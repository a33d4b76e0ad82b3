import { type AGUIEvent, EventType, type Message, type TokenUsage, type ToolCallResultEvent } from '@ag-ui/client'
import type { CommandRun, RunMessage, RunToolCall } from '@fleetwire/client/node'
import { FleetwireError } from '@fleetwire/client/node'
import { applyPatch, PatchFailure } from '../sessions/json-patch.ts'
import { checkState, MAX_STATE_BYTES } from '../sessions/patch-state.ts'
import { fitId } from './fit-id.ts'
import { SideTasks } from './side-tasks.ts'

/** The part of a command's run that the mapper reports to. */
export type MappedRun = Pick<CommandRun, 'message' | 'tool' | 'state' | 'patch' | 'progress' | 'report' | 'taskId'>

export interface EventMapperOptions {
  run: MappedRun
  /** Prefix of the ids that the mapper makes. No other run may have the same. */
  prefix: string
  /** Ids of messages and tool calls that the session already has: an agent may reuse them. */
  used: Iterable<string>
  state: unknown
}

interface Call {
  call: RunToolCall
  /** The known part of its arguments, in the chunks that the agent streams. */
  args: string[]
  name: string
  state: 'growing' | 'waiting'
}

/** How the last run of a command ended. */
export type MappedEnd = 'completed' | 'failed' | 'cancelled'

const MAX_NAME_CHARS = 256
const MAX_SOURCE_CHARS = 128
/** The maximum number of operations in one report. */
const MAX_OPERATIONS = 10_000
const TOO_LONG_CHARS = 32 * 1024

/**
 * Reports the events of an AG-UI agent to the run of a command, one by one. One mapper lives as long as the command: a
 * call that waits for an approval gets its result in the agent's next run.
 */
export class EventMapper {
  readonly #run: MappedRun
  readonly #tasks: SideTasks
  readonly #used: Set<string>
  /** Open messages by kind and id: a text and its reasoning may share an id. */
  readonly #open = new Map<string, RunMessage>()
  /** Agent message id → the id under which this command reported the message. */
  readonly #toldAs = new Map<string, string>()
  readonly #texts = new Map<string, string[]>()
  readonly #calls = new Map<string, Call>()
  readonly #complaints = new Set<string>()
  #runId = ''
  #state: unknown
  /** Whether the session has exactly this state. */
  #isStateTold = false
  #said: string | undefined

  constructor({ run, prefix, used, state }: EventMapperOptions) {
    this.#run = run
    this.#tasks = new SideTasks(run, prefix)
    this.#used = new Set([...used].flatMap(id => [id, fitId(id, 'msg'), fitId(id, 'call')]))
    this.#state = state
  }

  /** The state of the thread. */
  get state(): unknown {
    return this.#state
  }

  /** The last text of the assistant; undefined if there was none. */
  get said(): string | undefined {
    return this.#said
  }

  /** Describes a call for the person who is asked about it. */
  describeCall(toolCallId: string): string | undefined {
    const call = this.#calls.get(toolCallId)
    return call && `${call.name} ${call.args.join('')}`.trim()
  }

  /** Starts another run of the agent. */
  begin(runId: string): void {
    this.#runId = runId
    this.#said = undefined
  }

  take(event: AGUIEvent): void {
    switch (event.type) {
      case EventType.TEXT_MESSAGE_START:
        this.#start('text', event.messageId, event.role ?? 'assistant')
        break
      case EventType.TEXT_MESSAGE_CONTENT:
        this.#append('text', event.messageId, event.delta)
        break
      case EventType.TEXT_MESSAGE_END:
        this.#end('text', event.messageId)
        break
      case EventType.REASONING_MESSAGE_START:
        this.#start('reasoning', event.messageId, 'reasoning')
        break
      case EventType.REASONING_MESSAGE_CONTENT:
        this.#append('reasoning', event.messageId, event.delta)
        break
      case EventType.REASONING_MESSAGE_END:
        this.#end('reasoning', event.messageId)
        break
      case EventType.TOOL_CALL_START:
        this.#startCall(event.toolCallId, event.toolCallName, event.parentMessageId)
        break
      case EventType.TOOL_CALL_ARGS:
        this.#growCall(event.toolCallId, event.delta)
        break
      case EventType.TOOL_CALL_END: {
        const call = this.#calls.get(event.toolCallId)
        if (call !== undefined) call.state = 'waiting'
        break
      }
      case EventType.TOOL_CALL_RESULT:
        this.#endCall(event)
        break
      case EventType.STATE_SNAPSHOT:
        this.#tellState(event.snapshot)
        break
      case EventType.STATE_DELTA:
        this.#patchState(event.delta)
        break
      case EventType.MESSAGES_SNAPSHOT:
        this.#showMissing(event.messages)
        break
      case EventType.STEP_STARTED:
        this.#run.progress({ message: event.stepName })
        this.#tasks.start('step', event.stepName, { title: event.stepName })
        break
      case EventType.STEP_FINISHED:
        this.#tasks.end('step', event.stepName, 'completed')
        break
      case EventType.SUBAGENT_STARTED:
        this.#tasks.start('subagent', event.subagentRunId, { title: event.name, description: event.description })
        break
      case EventType.SUBAGENT_FINISHED:
        if (event.outcome?.type !== 'suspended') this.#tasks.end('subagent', event.subagentRunId, 'completed')
        break
      case EventType.SUBAGENT_ERROR:
        this.#tasks.end('subagent', event.subagentRunId, 'failed', event.message)
        break
      case EventType.ACTIVITY_SNAPSHOT:
        this.#tasks.activity(event.messageId, event.activityType, event.content, event.replace ?? true)
        break
      case EventType.ACTIVITY_DELTA:
        this.#tasks.activityPatch(event.messageId, event.patch as never)
        break
      default:
      // Reasoning spans, encrypted values, RAW and CUSTOM events carry nothing to show.
    }
  }

  /** Reports the token usage of the agent's runs. */
  usage(usage: readonly TokenUsage[]): void {
    for (const [i, { provider, model, inputTokens, outputTokens }] of usage.entries()) {
      const tokens = {
        ...(isCount(inputTokens) && { inputTokens }),
        ...(isCount(outputTokens) && { outputTokens }),
      }
      this.#run.report('usage:report', {
        source: (provider || 'ag-ui').slice(0, MAX_SOURCE_CHARS),
        mode: 'delta',
        requestId: `${this.#runId}-${i}`.slice(-128),
        ...tokens,
        ...(model !== undefined && { model: model.slice(0, MAX_SOURCE_CHARS) }),
      })
    }
  }

  /** Fails the calls that the agent leaves to its client: nobody makes them here. */
  refuse(toolCallIds: readonly string[], why: string): void {
    for (const id of toolCallIds) {
      this.#calls.get(id)?.call.fail({ code: 'not_run', message: why })
      this.#calls.delete(id)
    }
  }

  /** Ends open tasks with the command. If the command completed, calls without a result end without one. */
  finish(end: MappedEnd): void {
    if (end === 'completed') for (const { call } of this.#calls.values()) call.end()
    this.#calls.clear()
    this.#tasks.finish(end)
  }

  #start(kind: string, id: string, role: string): void {
    const messageId = this.#freshId(id, 'msg')
    this.#toldAs.set(id, messageId)
    this.#open.set(`${kind} ${id}`, this.#run.message({ messageId, role: role.slice(0, 32) }))
    if (kind === 'text' && role === 'assistant') this.#texts.set(id, [])
  }

  #append(kind: string, id: string, text: string): void {
    this.#open.get(`${kind} ${id}`)?.append(text)
    if (kind === 'text') this.#texts.get(id)?.push(text)
  }

  #end(kind: string, id: string): void {
    this.#open.get(`${kind} ${id}`)?.end()
    this.#open.delete(`${kind} ${id}`)
    const text = kind === 'text' ? this.#texts.get(id)?.join('') : undefined
    if (text) this.#said = text
  }

  #startCall(id: string, name: string, parent: string | undefined): void {
    // A run that continues after an approval should not start the call again, but some do.
    if (this.#calls.has(id)) return
    const messageId = parent === undefined ? undefined : this.#toldAs.get(parent)
    const options = { toolCallId: this.#freshId(id, 'call'), ...(messageId !== undefined && { messageId }) }
    const call = this.#run.tool(name.slice(0, MAX_NAME_CHARS), undefined, options)
    this.#calls.set(id, { call, args: [], name, state: 'growing' })
  }

  #growCall(id: string, delta: string): void {
    const call = this.#calls.get(id)
    if (call?.state !== 'growing' || delta === '') return
    call.args.push(delta)
    call.call.args(delta)
  }

  #endCall({ toolCallId, content, metadata }: Pick<ToolCallResultEvent, 'toolCallId' | 'content' | 'metadata'>): void {
    const known = this.#calls.get(toolCallId)
    if (known === undefined) return
    this.#calls.delete(toolCallId)
    const { call } = known
    const isError = metadata?.isError === true
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    try {
      if (isError) call.fail({ message: text })
      else call.end(content)
    } catch (error) {
      if (!isTooLarge(error)) throw error
      const cut = `${text.slice(0, TOO_LONG_CHARS)}\n[… ${text.length - TOO_LONG_CHARS} characters cut: over the frame limit …]`
      if (isError) call.fail({ message: cut })
      else call.end(cut)
    }
  }

  #tellState(state: unknown): void {
    this.#state = state
    const checked = checkState(state)
    if (checked.status === 'ok') this.#isStateTold = this.#fits('The state', () => this.#run.state(state))
    else this.#complain('too_large', `The state was left out of the session: ${checked.error.message}`)
  }

  /** Like the server, refuses the whole patch if any operation does not apply. */
  #patchState(patch: unknown): void {
    const operations = patch as Parameters<MappedRun['patch']>[0]
    let state: unknown
    try {
      state = applyPatch(structuredClone(this.#state), operations, MAX_STATE_BYTES)
    } catch (error) {
      if (!(error instanceof PatchFailure)) throw error
      this.#complain('patch_failed', `A STATE_DELTA does not apply and was ignored: ${error.message}`)
      return
    }
    // The session's state from before this command is not known for certain, so a patch may not apply there.
    if (!this.#isStateTold || operations.length > MAX_OPERATIONS) this.#tellState(state)
    else this.#isStateTold = this.#fits('A change of the state', () => this.#run.patch(operations))
    this.#state = state
  }

  /** Agents that do not stream send their output only as part of all messages. */
  #showMissing(messages: readonly Message[]): void {
    const said = new Set(Array.from(this.#texts.values(), text => text.join('')))
    for (const message of messages) {
      const { id, role } = message
      if (role === 'tool') {
        this.#endCall({ toolCallId: message.toolCallId, content: message.content, ...(message.error && FAILED) })
        continue
      }
      if ((role !== 'assistant' && role !== 'reasoning') || this.#toldAs.has(id) || this.#used.has(id)) continue
      const text = message.content ?? ''
      const kind = role === 'assistant' ? 'text' : 'reasoning'
      // Some frameworks give a message another id once it is complete.
      if (text !== '' && !said.has(text)) {
        this.#start(kind, id, role)
        this.#append(kind, id, text)
        this.#end(kind, id)
      }
      for (const call of (role === 'assistant' && message.toolCalls) || []) {
        if (this.#used.has(call.id)) continue
        this.#startCall(call.id, call.function.name, id)
        this.#growCall(call.id, call.function.arguments)
      }
    }
  }

  #freshId(id: string, prefix: string): string {
    let fresh = fitId(id, prefix)
    for (let n = 1; this.#used.has(fresh); n++) fresh = fitId(`${this.#runId} ${id} ${n}`, prefix)
    this.#used.add(fresh)
    this.#used.add(id)
    return fresh
  }

  /** Whether the report is small enough to be sent. */
  #fits(what: string, say: () => void): boolean {
    try {
      say()
      return true
    } catch (error) {
      if (!isTooLarge(error)) throw error
      this.#complain('too_large', `${what} is too large for the session, and was left out: ${error.message}`)
      return false
    }
  }

  /** Reports each reason once: a faulty agent repeats its fault at every step. */
  #complain(code: string, message: string): void {
    if (this.#complaints.has(code)) return
    this.#complaints.add(code)
    this.#run.report('agent:error', { code, message })
  }
}

const FAILED = { metadata: { isError: true } }

const isCount = (value: number | undefined): value is number =>
  value !== undefined && Number.isSafeInteger(value) && value >= 0

const isTooLarge = (error: unknown): error is FleetwireError =>
  error instanceof FleetwireError && (error.code === 'frame_too_large' || error.code === 'too_deep')

import type { ContentChunk, PlanEntry, SessionUpdate, UsageUpdate } from '@agentclientprotocol/sdk'
import type { CommandRun, RunMessage } from '@fleetwire/client'
import type { AgentPayloads } from '@fleetwire/protocol'
import { cut, fitJson } from './fit-json.ts'
import { PlanTasks } from './plan-tasks.ts'
import { describeContent } from './prompt-content.ts'
import { ToolCalls } from './tool-calls.ts'

/** Where what the program tells is reported: a run, or between two runs the session alone. */
export type SessionPort = Pick<CommandRun, 'message' | 'tool' | 'progress' | 'report' | 'taskId'>

export interface SessionViewOptions {
  sessionId: string
  /** Whose usage is counted, and what the program calls the session: the cost it tells is that of all of it. */
  source: string
  acpId: string
  newId: () => string
  /** The tasks of its plan that have not ended are others now. */
  onOpenTasks(taskIds: string[]): void
}

const TITLE_CHARS = 512
/** Of a longer answer, the command's output has the beginning and the end; the session has all of it. */
const MAX_TEXT_CHARS = 40_000

/** One session as people see it: takes the updates of the program and reports them, in their order. */
export class SessionView {
  readonly #options: SessionViewOptions
  readonly #plan: PlanTasks
  readonly #tools = new ToolCalls()
  readonly #idle: SessionPort
  #port: SessionPort
  #open: { role: 'assistant' | 'reasoning'; messageId: string | undefined; message: RunMessage } | undefined
  /** By message. */
  #said: string[] = []

  /** `idle`: where it reports between runs. */
  constructor(options: SessionViewOptions, idle: SessionPort) {
    this.#options = options
    this.#idle = idle
    this.#port = idle
    this.#plan = new PlanTasks(options.newId)
  }

  /** What the assistant has said in this turn. */
  get text(): string {
    return cut(this.#said.map(text => text.trim()).join('\n\n'), MAX_TEXT_CHARS)
  }

  get tools(): Pick<ToolCalls, 'known'> {
    return this.#tools
  }

  /**
   * What is reported from now on belongs to this run. `note`: what people should know before. The prompt is the input of
   * the command, and no message of the agent: a client that has written it would show it twice.
   */
  beginTurn(port: SessionPort, note?: string): void {
    this.#endMessage()
    this.#said = []
    this.#port = port
    if (note === undefined) return
    const message = port.message({ role: 'system' })
    message.append(note)
    message.end()
  }

  /** The turn is over: late updates belong to the session alone. */
  endTurn(how: 'ended' | 'cancelled'): void {
    try {
      this.#endMessage()
      this.#tools.endTurn(how)
      this.#reportPlan(how === 'ended' ? this.#plan.pause() : this.#plan.end('The turn was cancelled.'))
    } finally {
      this.#port = this.#idle
    }
  }

  /** The program is gone, or goes on without this session. */
  end(message: string): void {
    this.#endMessage()
    this.#tools.endTurn('cancelled')
    this.#reportPlan(this.#plan.end(message))
  }

  /** Throws what reporting throws. */
  apply(update: SessionUpdate): void {
    switch (update.sessionUpdate) {
      case 'agent_message_chunk':
        this.#stream('assistant', update)
        break
      case 'agent_thought_chunk':
        this.#stream('reasoning', update)
        break
      case 'tool_call':
      case 'tool_call_update':
        this.#tool(update)
        break
      case 'plan':
        this.#planned(update.entries)
        break
      case 'session_info_update':
        if (typeof update.title === 'string')
          this.#report('session:activity', { title: update.title.slice(0, TITLE_CHARS) })
        break
      case 'usage_update':
        this.#usage(update)
        break
      case 'current_mode_update':
        this.share('mode', update.currentModeId)
        break
      case 'config_option_update':
        this.share('config', update.configOptions)
        break
      case 'available_commands_update':
        this.share('commands', update.availableCommands)
        break
      // Our own prompt, which is shown already; and what is sent only to those who asked for it.
      case 'user_message_chunk':
      case 'notice':
      case 'compaction_update':
      case 'compaction_summary_chunk':
        break
      default:
        update satisfies never
    }
  }

  /** A part of the session's state. */
  share(name: 'mode' | 'modes' | 'config' | 'commands' | 'context', value: unknown): void {
    this.#report('state:patch', { patch: [{ op: 'add', path: `/${name}`, value: fitJson(value) }] })
  }

  #stream(role: 'assistant' | 'reasoning', { content, messageId }: ContentChunk): void {
    const text = describeContent(content)
    if (text === '') return
    const id = messageId ?? undefined
    if (this.#open?.role !== role || this.#open.messageId !== id) {
      this.#endMessage()
      this.#open = { role, messageId: id, message: this.#port.message({ role }) }
      if (role === 'assistant') this.#said.push('')
    }
    this.#open.message.append(text)
    if (role === 'assistant') this.#said[this.#said.length - 1] += text
  }

  #tool(update: Parameters<ToolCalls['update']>[0]): void {
    const begun = this.#tools.update(update, (name, ...args) => {
      this.#endMessage()
      return this.#port.tool(name, ...args)
    })
    if (begun) this.#port.progress({ message: begun })
  }

  #usage({ used, size, cost }: UsageUpdate): void {
    this.share('context', { used, size })
    if (cost?.currency?.toUpperCase() !== 'USD') return
    const { source, acpId } = this.#options
    this.#port.report('usage:report', {
      source,
      mode: 'cumulative',
      requestId: acpId.slice(0, 128),
      costUsd: cost.amount,
    })
  }

  #planned(entries: readonly PlanEntry[]): void {
    const of = { sessionId: this.#options.sessionId, parentTaskId: this.#port.taskId }
    this.#reportPlan(this.#plan.update(entries, of))
  }

  #reportPlan(reports: ReturnType<PlanTasks['update']>): void {
    if (reports.length === 0) return
    for (const { type, payload } of reports) this.#port.report(type, payload)
    this.#options.onOpenTasks(this.#plan.open)
  }

  #endMessage(): void {
    this.#open?.message.end()
    this.#open = undefined
  }

  #report<K extends 'session:activity' | 'state:patch'>(type: K, payload: Omit<AgentPayloads[K], 'sessionId'>): void {
    this.#port.report(type, { ...payload, sessionId: this.#options.sessionId } as AgentPayloads[K])
  }
}

import type { ContentChunk, PlanEntry, SessionUpdate, UsageUpdate } from '@agentclientprotocol/sdk'
import type { CommandRun, RunMessage } from '@fleetwire/client'
import type { AgentPayloads } from '@fleetwire/protocol'
import { cut, fitJson } from './fit-json.ts'
import { PlanTasks } from './plan-tasks.ts'
import { describeContent } from './prompt-content.ts'
import { ToolCalls } from './tool-calls.ts'

/** Where updates are reported: to a run or, between two runs, only to the session. */
export type SessionPort = Pick<CommandRun, 'message' | 'tool' | 'progress' | 'report' | 'taskId'>

export interface SessionViewOptions {
  sessionId: string
  /** The source of usage reports, and the program's session id: the reported cost is that of the whole session. */
  source: string
  acpId: string
  newId: () => string
  /** The set of the plan's open tasks may have changed. */
  onOpenTasks(taskIds: string[]): void
}

const TITLE_CHARS = 512
/** A longer answer is shortened to its beginning and end in the command's output. The session has all of it. */
const MAX_TEXT_CHARS = 40_000

/** One session as people see it: reports the program's updates, in order. */
export class SessionView {
  readonly #options: SessionViewOptions
  readonly #plan: PlanTasks
  readonly #tools = new ToolCalls()
  readonly #idle: SessionPort
  #port: SessionPort
  #open: { role: 'assistant' | 'reasoning'; messageId: string | undefined; message: RunMessage } | undefined
  /** The texts of this turn, one per message. */
  #said: string[] = []

  /** `idle`: where to report between runs. */
  constructor(options: SessionViewOptions, idle: SessionPort) {
    this.#options = options
    this.#idle = idle
    this.#port = idle
    this.#plan = new PlanTasks(options.newId)
  }

  /** The assistant's messages of this turn. */
  get text(): string {
    return cut(this.#said.map(text => text.trim()).join('\n\n'), MAX_TEXT_CHARS)
  }

  get tools(): Pick<ToolCalls, 'known'> {
    return this.#tools
  }

  /**
   * Reports belong to this run from now on. `note`: shown to people first. The prompt is not reported as a message,
   * since it is the command's input already: the client that sent it would show it twice.
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

  /** The turn is over. Late updates belong only to the session. */
  endTurn(how: 'ended' | 'cancelled'): void {
    try {
      this.#endMessage()
      this.#tools.endTurn(how)
      this.#reportPlan(how === 'ended' ? this.#plan.pause() : this.#plan.end('The turn was cancelled.'))
    } finally {
      this.#port = this.#idle
    }
  }

  /** The program is gone, or closes the session. */
  end(message: string): void {
    this.#endMessage()
    this.#tools.endTurn('cancelled')
    this.#reportPlan(this.#plan.end(message))
  }

  /** Throws if reporting throws. */
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
      // Our own prompt, which is already shown, and updates that are sent only to clients that opted in.
      case 'user_message_chunk':
      case 'notice':
      case 'compaction_update':
      case 'compaction_summary_chunk':
        break
      default:
        update satisfies never
    }
  }

  /** Reports a part of the session's state. */
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

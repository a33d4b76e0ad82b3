import { type AgentSummary, type Command, type Interaction, isFinal } from '@fleetwire/protocol'
import { clip } from '../short-text.ts'
import { firstLine, lastLine } from './last-line.ts'

const TITLE = 120
const LINE = 200
/** How much of a streaming answer is kept: enough for its last line, trailing blanks included. */
const KEPT_TEXT = 4 * LINE

type Current = NonNullable<AgentSummary['current']>
type Last = NonNullable<AgentSummary['last']>
export type Usage = NonNullable<AgentSummary['usage']>

/** The facts that the summary of one agent shows; of its commands, only what a card shows. */
export class AgentFacts {
  readonly agentId: string
  readonly #queued = new Set<string>()
  readonly #running = new Map<string, Current>()
  readonly #asked = new Set<string>()
  #last: Last | undefined
  #usage: Usage | undefined
  /** The source of the last line: text that streams, or the terminal that wrote last. */
  #shown: { text: string; messageId?: string | undefined } | { terminalId: string } = { text: '' }

  constructor(agentId: string) {
    this.agentId = agentId
  }

  get hasLast(): boolean {
    return this.#last !== undefined
  }

  command(command: Command): void {
    const { commandId, status } = command
    if (status === 'queued') this.#queued.add(commandId)
    else this.#queued.delete(commandId)
    if (status === 'running') this.#running.set(commandId, currentOf(command))
    else this.#running.delete(commandId)
    if (isFinal(status)) this.#ended(command)
  }

  interaction({ interactionId, state }: Pick<Interaction, 'interactionId' | 'state'>): void {
    if (state === 'open') this.#asked.add(interactionId)
    else this.#asked.delete(interactionId)
  }

  usage({ inputTokens, outputTokens, costUsd }: Usage): void {
    this.#usage = { inputTokens, outputTokens, costUsd }
  }

  /** `whole`: the text is the complete message. Text of another message begins a new line. */
  said(messageId: string | undefined, text: string, whole: boolean): void {
    const shown = !whole && 'text' in this.#shown ? this.#shown : { text: '' }
    const before = shown.text === '' || shown.messageId === messageId ? shown.text : `${shown.text}\n`
    this.#shown = { text: (before + text).slice(-KEPT_TEXT), messageId }
  }

  wrote(terminalId: string): void {
    if (!('terminalId' in this.#shown) || this.#shown.terminalId !== terminalId) this.#shown = { terminalId }
  }

  /** `tailOf` returns the end of a terminal's output, as text. */
  summary(tailOf: (terminalId: string) => string): AgentSummary {
    const text = 'text' in this.#shown ? this.#shown.text : tailOf(this.#shown.terminalId)
    const line = lastLine(text, LINE)
    const current = [...this.#running.values()].reduce<Current | undefined>(
      (latest, next) => (latest === undefined || next.startedAt >= latest.startedAt ? next : latest),
      undefined,
    )
    return {
      agentId: this.agentId,
      ...(current && { current }),
      ...(this.#last && { last: this.#last }),
      queued: this.#queued.size,
      openInteractions: this.#asked.size,
      ...(line !== undefined && { lastLine: line }),
      ...(this.#usage && { usage: this.#usage }),
    }
  }

  #ended({ commandId, kind, input, status, endedAt = 0 }: Command): void {
    if (this.#last !== undefined && this.#last.endedAt > endedAt) return
    this.#last = { commandId, kind, title: titleOf(input), status, endedAt }
  }
}

function currentOf({ commandId, kind, input, startedAt, dispatchedAt, createdAt, progress = {} }: Command): Current {
  return {
    ...{ commandId, kind, title: titleOf(input), startedAt: startedAt ?? dispatchedAt ?? createdAt },
    ...(progress.progress !== undefined && { progress: progress.progress }),
    ...(progress.message !== undefined && { message: clip(progress.message, LINE) }),
  }
}

/** Input may be any JSON; most is text. */
const titleOf = (input: unknown): string => firstLine(typeof input === 'string' ? input : JSON.stringify(input), TITLE)

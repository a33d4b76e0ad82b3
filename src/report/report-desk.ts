import type { InteractionAnswer, ReportType } from '@fleetwire/client/node'
import type { AgentPayloads, ErrorCode } from '@fleetwire/protocol'
import type { Clock, Timer } from '../clock.ts'
import { AnswerTexts } from './answer-texts.ts'
import { OwnPrompts } from './own-prompts.ts'
import type { ReportFrame } from './report-line.ts'
import { piecesOf } from './shorten.ts'

/** The agent that reports for the program, such as `AgentClient`. */
export interface Spokesman {
  report<K extends ReportType>(type: K, payload: AgentPayloads[K]): void
  ask(interaction: AgentPayloads['interaction:request'], options: { signal?: AbortSignal }): Promise<InteractionAnswer>
  readonly status: {
    readonly value: { readonly state: string; readonly downSince?: number }
    subscribe(listener: () => void): () => void
  }
}

/** The command that the program works on. */
export interface CurrentRun {
  readonly commandId: string
  readonly attempt: number
  readonly sessionId?: string | undefined
  readonly taskId?: string | undefined
  /** The text that was typed for the command. */
  readonly prompt?: string | undefined
  progress(progress: { progress?: number; confidence?: number; message?: string }): void
}

/** Is notified of the program's reports about its state. */
export interface StatusListener {
  reported(status: { work: AgentPayloads['agent:status']['work']; detail?: string }): void
  heard(): void
  /** The program waits for an answer to this question until the returned function is called. */
  asks(detail: string): () => void
}

export interface ReportDeskOptions {
  agent: Spokesman
  clock: Clock
  newId(prefix: 'ses'): string
  /** Undefined if no command runs. */
  run(): CurrentRun | undefined
  /** Undefined before the program has started. */
  listener(): StatusListener | undefined
}

export type DeskReply =
  | { ok: true; answer?: InteractionAnswer }
  | { ok: false; error: { code: ErrorCode; message: string } }

/** Tool calls that a program left open are ended when it reports that it is idle. More than this are not tracked. */
const MAX_OPEN_CALLS = 1000
const LEAST_PATIENCE_MS = 3000

/**
 * Passes the reports of one program to its agent. Reports about the running command get its id, and its session if it
 * has one. A message or tool call stays in the session in which it began. Nothing here needs to survive this process:
 * the agent's outbox and journal do.
 */
export class ReportDesk {
  readonly #options: ReportDeskOptions
  /** The session and command in which each unfinished message or call began, by kind and id. */
  readonly #began = new Map<string, Fields>()
  readonly #answers = new AnswerTexts()
  readonly #prompts = new OwnPrompts()
  readonly #asked = new Set<{ commandId: string | undefined; giveUp: () => void }>()
  /** The session for reports if neither the program nor the command names one. */
  readonly sessionId: string

  constructor(options: ReportDeskOptions) {
    this.#options = options
    this.sessionId = options.newId('ses')
  }

  /** `signal` aborts when the sender is gone, so that no answer can reach it any more. */
  async take(
    frame: ReportFrame,
    { signal, patienceMs }: { signal: AbortSignal; patienceMs?: number },
  ): Promise<DeskReply> {
    const { listener } = this.#options
    listener()?.heard()
    try {
      switch (frame.type) {
        case 'agent:status':
          listener()?.reported({ work: frame.payload.work, ...pick(frame.payload, ['detail']) })
          if (frame.payload.work === 'idle') this.#endOpenCalls()
          return ok
        case 'command:progress': {
          this.#options.run()?.progress(pick(frame.payload, ['progress', 'confidence', 'message']))
          return ok
        }
        case 'interaction:request':
          return await this.#ask(frame.payload, signal, patienceMs)
        case 'message:start':
        case 'message:delta':
        case 'message:end': {
          const run = this.#options.run()
          const prompt = run?.sessionId === undefined ? undefined : run.prompt
          const held = this.#prompts.take(frame.type, frame.payload, prompt)
          if (held === 'passed') this.#report(frame.type, frame.payload)
          else if (held !== 'held') this.#say(held.payload, held.text)
          return ok
        }
        default:
          this.#report(frame.type, frame.payload)
          return ok
      }
    } catch (error) {
      const { code = 'internal', message } = error as Error & { code?: string }
      return { ok: false, error: { code: errorCodes[code] ?? 'unavailable', message } }
    }
  }

  #report<K extends ReportType>(type: K, payload: Fields): void {
    const placed = this.#placed(type, payload)
    this.#options.agent.report(type, placed as AgentPayloads[K])
    this.#answers.note(type, placed)
  }

  #say({ text: _, ...start }: Fields, text: string): void {
    const { messageId, sessionId } = start
    this.#report('message:start', start)
    for (const delta of piecesOf(text)) this.#report('message:delta', { messageId, sessionId, delta })
    this.#report('message:end', { messageId, sessionId })
  }

  /** Adds the session and the command. */
  #placed(type: string, payload: Fields): Fields {
    const [kind, step] = type.split(':') as [string, string]
    if (kind === 'session' || kind === 'state' || kind === 'agent' || kind === 'usage' || kind === 'task')
      return payload
    const key = `${kind} ${payload.messageId ?? payload.toolCallId}`
    const place = this.#began.get(key) ?? this.#place(payload)
    if (step === 'start' && this.#began.size < MAX_OPEN_CALLS) this.#began.set(key, place)
    if (step === 'end') this.#began.delete(key)
    return { ...payload, ...place }
  }

  #place(payload: Fields): Fields {
    const run = this.#options.run()
    if (run === undefined) return pick(payload, ['sessionId', 'commandId', 'taskId'])
    const { commandId, sessionId, taskId } = run
    return { commandId, sessionId: sessionId ?? payload.sessionId, ...(taskId !== undefined && { taskId }) }
  }

  async #ask(
    asked: AgentPayloads['interaction:request'],
    signal: AbortSignal,
    patienceMs?: number,
  ): Promise<DeskReply> {
    const { agent, run, listener } = this.#options
    const runs = run()
    const sessionId = runs?.sessionId ?? asked.sessionId
    const interaction = {
      ...asked,
      ...(runs !== undefined && { commandId: runs.commandId }),
      ...(sessionId !== undefined && { sessionId }),
    }
    const { interactionId, title } = interaction
    const patience = this.#patience(patienceMs)
    if (patience.signal.aborted) {
      patience.stop()
      return unreachable
    }
    const over = new AbortController()
    const asking = { commandId: runs?.commandId, giveUp: () => over.abort() }
    this.#asked.add(asking)
    const given = AbortSignal.any([signal, patience.signal, over.signal])
    const answered = listener()?.asks(title)
    try {
      return { ok: true, answer: await agent.ask(interaction, { signal: given }) }
    } catch (error) {
      if (!given.aborted) throw error
      // The command has ended, the sender was answered elsewhere (as at the program's own terminal), or it gave up.
      if (over.signal.aborted) return cancelled
      agent.report('interaction:resolved', { interactionId, text: signal.aborted ? ANSWERED_THERE : GIVEN_UP })
      return unreachable
    } finally {
      this.#asked.delete(asking)
      patience.stop()
      answered?.()
    }
  }

  /**
   * The last complete answer that the program reported during this command, so that it need not be read off the screen.
   */
  answerTo(commandId: string): string | undefined {
    return this.#answers.of(commandId)
  }

  /** The answer has reached the sender of the question. */
  applied(interactionId: string): void {
    try {
      this.#options.agent.report('interaction:applied', { interactionId })
    } catch {
      // The agent has just stopped. The server sends the answer again when the question is asked again.
    }
  }

  /** The command has ended and the server has cancelled its questions, so they are given up here. */
  runEnded(commandId: string): void {
    for (const asked of this.#asked) if (asked.commandId === commandId) asked.giveUp()
  }

  /** Aborts once the server has been unreachable for this long. */
  #patience(patienceMs: number | undefined): { signal: AbortSignal; stop: () => void } {
    const controller = new AbortController()
    const { signal } = controller
    if (patienceMs === undefined) return { signal, stop: () => {} }
    const { agent, clock } = this.#options
    let timer: Timer | undefined
    const look = () => {
      const { state, downSince = clock.now() } = agent.status.value
      if (state === 'stopped') controller.abort()
      else if (state === 'online') timer = void timer?.cancel()
      else {
        // Even a server that has been away for longer gets a moment: it may be about to return.
        const leftMs = Math.max(patienceMs - (clock.now() - downSince), Math.min(patienceMs, LEAST_PATIENCE_MS))
        timer ??= clock.setTimeout(() => controller.abort(), leftMs)
      }
    }
    const unsubscribe = agent.status.subscribe(look)
    look()
    const stop = () => {
      unsubscribe()
      timer?.cancel()
    }
    return { signal, stop }
  }

  #endOpenCalls(): void {
    const error = { code: 'abandoned', message: 'The program did not report how it ended.' }
    for (const [key, place] of this.#began) {
      const [kind, toolCallId] = key.split(' ') as [string, string]
      if (kind !== 'tool') continue
      this.#began.delete(key)
      this.#options.agent.report('tool:end', { ...place, toolCallId, error } as AgentPayloads['tool:end'])
    }
  }
}

type Fields = Record<string, unknown>

const ANSWERED_THERE = 'It was answered or cancelled in the program itself.'
const GIVEN_UP = 'The server was unreachable for too long, so the program asked at its own terminal.'

const ok: DeskReply = { ok: true }
const unreachable: DeskReply = {
  ok: false,
  error: { code: 'unavailable', message: 'The Fleetwire server cannot be reached, so nobody can answer there.' },
}

const cancelled: DeskReply = {
  ok: false,
  error: { code: 'conflict', message: 'The command that this was about has ended.' },
}

/** Maps the client's error codes to those of the protocol. */
const errorCodes: Record<string, ErrorCode> = {
  outbox_full: 'queue_full',
  frame_too_large: 'too_large',
  too_deep: 'invalid_frame',
  stopped: 'unavailable',
  refused: 'conflict',
}

function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Pick<T, K> {
  const found = names.filter(name => from[name] !== undefined).map(name => [name, from[name]] as const)
  return Object.fromEntries(found) as Pick<T, K>
}

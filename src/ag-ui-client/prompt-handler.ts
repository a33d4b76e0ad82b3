import { type AGUIEvent, EventType, type Interrupt, type Message, type ResumeEntry } from '@ag-ui/client'
import type { AgentClient, CommandHandler, CommandRun } from '@fleetwire/client/node'
import type { CommandOutcome } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { type AgentRunEnd, runAgent } from './agent-run.ts'
import { EventMapper } from './event-mapper.ts'
import type { RequestLimits } from './event-request.ts'
import { fitId } from './fit-id.ts'
import { settled } from './history.ts'
import { questionOf, resumeOf } from './questions.ts'
import type { Thread, ThreadStore } from './thread-store.ts'
import { userContent } from './user-content.ts'

export interface PromptHandlerOptions {
  url: string
  clock: Clock
  limits: RequestLimits
  threads: ThreadStore
  /** Called before each run. */
  headers(): Promise<Record<string, string>>
  context?: { description: string; value: string }[]
  forwardedProps?: object
  ask: AgentClient['ask']
}

/** One run of the agent within a prompt. */
interface Round {
  round: number
  resume: ResumeEntry[]
  /** The answer to a legacy interrupt. */
  command: { resume: unknown } | undefined
  /** Interactions whose answers this run receives. */
  applied: readonly string[]
}

/** Limits an agent that keeps asking questions that nobody answers. */
const MAX_UNANSWERED_ROUNDS = 3

/** Runs each prompt on an AG-UI agent. The session is the thread; an interrupt is a question, whose answer resumes. */
export const createPromptHandler =
  (options: PromptHandlerOptions): CommandHandler =>
  async run => {
    const turn = await options.threads.turn(threadOf(run), run.signal)
    if (turn === undefined) return { status: 'cancelled' }
    try {
      return await new Prompt(options, run).run()
    } finally {
      turn.end()
    }
  }

const threadOf = ({ sessionId, commandId }: CommandRun): string => sessionId ?? commandId

class Prompt {
  readonly #options: PromptHandlerOptions
  readonly #run: CommandRun
  readonly #name: string

  constructor(options: PromptHandlerOptions, run: CommandRun) {
    this.#options = options
    this.#run = run
    this.#name = `${run.commandId}-${run.attempt}`
  }

  async run(): Promise<CommandOutcome> {
    const { thread, flaw } = await this.#options.threads.load(threadOf(this.#run))
    if (flaw !== undefined) this.#complain('thread_lost', `The thread could not be read and starts over: ${flaw}`)
    const mapper = new EventMapper({ run: this.#run, prefix: this.#name, used: idsOf(thread), state: thread.state })
    try {
      const outcome = await this.#converse(thread, mapper)
      mapper.finish(outcome.status === 'succeeded' ? 'completed' : outcome.status)
      return outcome
    } catch (error) {
      mapper.finish('failed')
      throw error
    }
  }

  async #converse(before: Thread, mapper: EventMapper): Promise<CommandOutcome> {
    const { commandId, input, signal } = this.#run
    const prompt: Message = { id: commandId, role: 'user', content: userContent(input) }
    let thread = { ...before, messages: [...before.messages.filter(({ id }) => id !== commandId), prompt] }
    await this.#save(thread)
    // Interrupts that an earlier prompt left unanswered.
    let resume = thread.pendingInterrupts.map(interrupt => resumeOf(interrupt, undefined))
    let applied: string[] = []
    let command: { resume: unknown } | undefined
    for (let round = 1, unanswered = 0; ; round++) {
      const ran = await this.#runOnce(thread, mapper, { round, resume, command, applied })
      thread = { ...ran.thread, state: mapper.state }
      await this.#save(thread)
      if (ran.end.to !== 'interrupted') return this.#outcome(ran.end, mapper)
      if (signal.aborted) return cancelled
      const { interrupts, isLegacy } = ran.end
      const asked = await this.#ask(isLegacy ? interrupts.slice(0, 1) : interrupts, mapper, round)
      if (signal.aborted) return cancelled
      ;({ resume, applied } = asked)
      command = undefined
      if (isLegacy) {
        // A legacy interrupt takes exactly one answer, and cannot be cancelled.
        const [answer] = resume
        if (answer?.status !== 'resolved')
          return { status: 'cancelled', detail: 'Nobody answered what the agent asked.' }
        command = { resume: answer.payload }
        resume = []
      }
      unanswered = applied.length > 0 ? 0 : unanswered + 1
      if (unanswered === MAX_UNANSWERED_ROUNDS)
        return failed('unanswered', `The agent asked ${unanswered} questions that nobody answered in time.`)
    }
  }

  async #runOnce(
    thread: Thread,
    mapper: EventMapper,
    { round, resume, command, applied }: Round,
  ): Promise<{ end: AgentRunEnd; thread: Thread }> {
    const { url, clock, limits, headers, context, forwardedProps } = this.#options
    const { signal } = this.#run
    const runId = round === 1 ? this.#name : `${this.#name}-${round}`
    mapper.begin(runId)
    const waiting = new Set(applied)
    const { end, usage, messages } = await runAgent({
      ...{ url, clock, limits, runId, signal },
      headers: await headers(),
      threadId: thread.threadId,
      messages: thread.messages,
      state: thread.state,
      ...(resume.length > 0 && { resume }),
      ...(context !== undefined && { context }),
      ...((forwardedProps ?? command) !== undefined && {
        forwardedProps: command === undefined ? forwardedProps : { ...forwardedProps, command },
      }),
      onEvent: (event: AGUIEvent) => {
        if (event.type === EventType.RUN_STARTED) {
          for (const interactionId of waiting) this.#run.report('interaction:applied', { interactionId })
          waiting.clear()
        }
        mapper.take(event)
      },
    })
    mapper.usage(usage)
    if (end.to === 'finished') mapper.refuse(end.pendingToolCallIds, NOT_RUN)
    // An interrupted agent continues where it asked, and its calls get their results then.
    const isWhole = end.to === 'interrupted' || (end.to === 'finished' && end.pendingToolCallIds.length === 0)
    return {
      end,
      thread: {
        ...thread,
        messages: isWhole ? messages : settled(messages, whyNone(end)),
        pendingInterrupts: end.to === 'interrupted' && !end.isLegacy ? end.interrupts : [],
      },
    }
  }

  async #ask(
    interrupts: readonly Interrupt[],
    mapper: EventMapper,
    round: number,
  ): Promise<{ resume: ResumeEntry[]; applied: string[] }> {
    const { ask, clock } = this.#options
    const { commandId, signal } = this.#run
    const applied: string[] = []
    const resume = interrupts.map(async (interrupt, i): Promise<ResumeEntry> => {
      // Never the interrupt's id: if the agent used that id before, the old answer would be taken for this question.
      const interactionId = fitId(`${this.#name}-${round}-${i}`, 'int')
      const call = interrupt.toolCallId === undefined ? undefined : mapper.describeCall(interrupt.toolCallId)
      const context = { interactionId, commandId, sessionId: threadOf(this.#run), now: clock.now(), call }
      const question = questionOf(interrupt, context)
      if (question === undefined) return resumeOf(interrupt, undefined)
      const answer = await ask(question, { signal })
      if (!answer.expired) applied.push(interactionId)
      return resumeOf(interrupt, answer)
    })
    try {
      return { resume: await Promise.all(resume), applied }
    } catch (error) {
      if (signal.aborted) return { resume: [], applied: [] }
      throw error
    }
  }

  #outcome(end: Exclude<AgentRunEnd, { to: 'interrupted' }>, mapper: EventMapper): CommandOutcome {
    switch (end.to) {
      case 'finished':
        return { status: 'succeeded', output: end.result ?? mapper.said ?? '' }
      case 'aborted':
        return cancelled
      case 'cancelled':
        return { status: 'cancelled', detail: 'The agent ended its run as cancelled.' }
      case 'failed': {
        const { code, message } = end.fault
        const said = mapper.said
        return { status: 'failed', error: { code, message }, ...(said !== undefined && { output: said }) }
      }
    }
  }

  /** A failed save does not fail the prompt: its answer is worth more than its place in the history. */
  async #save(thread: Thread): Promise<void> {
    await this.#options.threads.save(thread).catch(error => {
      this.#complain('thread_not_kept', `The next prompt will not know about this one: ${(error as Error).message}`)
    })
  }

  #complain(code: string, message: string): void {
    this.#run.report('agent:error', { code, message })
  }
}

const cancelled: CommandOutcome = {
  status: 'cancelled',
  detail: 'The request was closed. Whether the agent stops is up to the agent.',
}

const failed = (code: string, message: string): CommandOutcome => ({ status: 'failed', error: { code, message } })

const NOT_RUN = 'This call is not carried out: the agent left it to its client.'

function whyNone(end: AgentRunEnd): string {
  if (end.to === 'finished') return NOT_RUN
  return end.to === 'failed' ? 'No result: the run failed.' : 'No result: the run was cancelled.'
}

function idsOf({ messages }: Thread): string[] {
  return messages.flatMap(message => [
    message.id,
    ...(message.role === 'assistant' ? (message.toolCalls ?? []).map(({ id }) => id) : []),
  ])
}

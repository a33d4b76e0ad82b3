import {
  type AGUIEvent,
  EventType,
  HttpAgent,
  type Interrupt,
  type Message,
  type ResumeEntry,
  type State,
  type TokenUsage,
} from '@ag-ui/client'
import type { Clock, Timer } from '../clock.ts'
import { AgentFault } from './agent-fault.ts'
import { type RequestLimits, requestEvents } from './event-request.ts'
import { History, quiet } from './history.ts'

export interface AgentRunOptions {
  url: string
  clock: Clock
  limits: RequestLimits
  headers: Readonly<Record<string, string>>
  threadId: string
  runId: string
  messages: Message[]
  state: State
  resume?: ResumeEntry[]
  context?: { description: string; value: string }[]
  forwardedProps?: unknown
  /** Aborts the request. */
  signal: AbortSignal
  /** Called for each event, in order, after validation. A throw ends the run. */
  onEvent(event: AGUIEvent): void
}

/** How a run ended. */
export type AgentRunEnd =
  | { to: 'finished'; result: unknown; pendingToolCallIds: string[] }
  /** `isLegacy`: requested by a CUSTOM event, LangGraph's default; answered in `forwardedProps.command.resume`. */
  | { to: 'interrupted'; interrupts: Interrupt[]; isLegacy: boolean }
  | { to: 'cancelled' }
  /** The request was aborted through `signal`. */
  | { to: 'aborted' }
  | { to: 'failed'; fault: AgentFault }

export interface AgentRun {
  end: AgentRunEnd
  usage: readonly TokenUsage[]
  messages: Message[]
}

/** How long an agent may keep the connection open after the end of a run, in case another run follows on it. */
const LINGER_MS = 1000

/** Runs an AG-UI agent once. Never rejects: every failure is an end. */
export async function runAgent(options: AgentRunOptions): Promise<AgentRun> {
  const { url, clock, limits, headers, signal, onEvent } = options
  const history = new History(options.messages)
  const abort = new AbortController()
  const aborted = () => abort.abort()
  let end: AgentRunEnd | undefined
  let usage: readonly TokenUsage[] = []
  let fault: AgentFault | undefined
  let linger: Timer | undefined
  const asked: Interrupt[] = []
  const fail = (why: AgentFault) => {
    fault ??= why
    abort.abort()
  }
  const take = (event: AGUIEvent) => {
    if (fault !== undefined || signal.aborted) return
    history.note(event)
    onEvent(event)
    // More runs may follow on one stream; the last one determines how it ended.
    linger?.cancel()
    if (event.type === EventType.RUN_STARTED) end = undefined
    if (event.type === EventType.CUSTOM && event.name === LEGACY_INTERRUPT) asked.push(legacyInterrupt(event.value))
    if (event.type !== EventType.RUN_FINISHED && event.type !== EventType.RUN_ERROR) return
    end = endOf(event)
    if (end.to === 'finished' && asked.length > 0) end = { to: 'interrupted', interrupts: asked, isLegacy: true }
    usage = [...usage, ...(event.usage ?? [])]
    linger = clock.setTimeout(() => abort.abort(), LINGER_MS)
  }

  const agent = new HttpAgent({
    url,
    threadId: options.threadId,
    initialMessages: options.messages,
    initialState: options.state,
    fetch: (to, init) => requestEvents(to, init, { clock, limits, headers, onBreak: fail }),
  })
  if (signal.aborted) aborted()
  signal.addEventListener('abort', aborted)
  const { runId, resume, context, forwardedProps } = options
  await agent
    .runAgent(
      {
        runId,
        abortController: abort,
        ...(resume !== undefined && { resume }),
        ...(context !== undefined && { context }),
        ...(forwardedProps !== undefined && { forwardedProps }),
      },
      {
        onEvent: ({ event }) => {
          try {
            take(event as AGUIEvent)
          } catch (error) {
            fail(faultOf(error, 'failed'))
          }
          // Keeps the client from folding the event into its own messages: see History.
          return { stopPropagation: true }
        },
        onRunFailed: ({ error }) => {
          fault ??= faultOf(error, 'protocol_error')
          return quiet
        },
      },
    )
    .catch(error => fail(faultOf(error, 'protocol_error')))
  signal.removeEventListener('abort', aborted)
  linger?.cancel()
  // After an error the client leaves the connection open.
  abort.abort()
  const messages = await history.messages()
  return { end: judge(end, fault, signal.aborted), usage, messages }
}

const LEGACY_INTERRUPT = 'on_interrupt'

const legacyInterrupt = (value: unknown): Interrupt => ({
  id: LEGACY_INTERRUPT,
  reason: LEGACY_INTERRUPT,
  message: typeof value === 'string' ? value : JSON.stringify(value),
})

/** A broken connection after the end of the run does not matter, and an end before the abort counts. */
function judge(end: AgentRunEnd | undefined, fault: AgentFault | undefined, isAborted: boolean): AgentRunEnd {
  if (end !== undefined && (fault === undefined || fault.code === 'cut' || fault.code === 'silent')) return end
  if (isAborted) return { to: 'aborted' }
  const none = new AgentFault(
    'no_end',
    'The response ended before the run did: the agent sent neither RUN_FINISHED nor RUN_ERROR.',
  )
  return { to: 'failed', fault: fault ?? none }
}

function endOf(event: Extract<AGUIEvent, { type: EventType.RUN_FINISHED | EventType.RUN_ERROR }>): AgentRunEnd {
  if (event.type === EventType.RUN_ERROR) {
    return { to: 'failed', fault: new AgentFault(event.code || 'run_error', event.message || 'The agent failed.') }
  }
  const { outcome, result } = event
  switch (outcome?.type) {
    case 'interrupt':
      return { to: 'interrupted', interrupts: outcome.interrupts, isLegacy: false }
    case 'cancelled':
      return { to: 'cancelled' }
    default:
      return { to: 'finished', result, pendingToolCallIds: outcome?.pendingToolCallIds ?? [] }
  }
}

function faultOf(error: unknown, code: string): AgentFault {
  if (error instanceof AgentFault) return error
  const { code: own, message } = error as Error & { code?: unknown }
  const slug = code === 'failed' && typeof own === 'string' ? own : code
  return new AgentFault(slug, code === 'protocol_error' ? `The agent violated the AG-UI protocol: ${message}` : message)
}

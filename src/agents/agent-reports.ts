import { type AgentFrame, type AgentFrameType, type AgentPayloads, topics, type WireError } from '@fleetwire/protocol'
import type { CommandEvent } from '../commands/command-state.ts'
import type { InteractionReport } from '../interactions/interaction-service.ts'
import { draftOf } from '../log/draft.ts'
import type { EventDraft } from '../log/event-log.ts'
import type { StateChange } from '../sessions/session-service.ts'
import type { SessionEvent } from '../sessions/session-state.ts'
import type { StreamEvent, StreamType } from '../sessions/stream-item.ts'
import type { TaskReport } from '../tasks/task-service.ts'
import { lifecycleOnExit } from './agent-state.ts'

/** What a numbered frame of an agent reports. */
export type Report =
  /** Events to append. */
  | { kind: 'events'; drafts: EventDraft[] }
  /** Something happened to a command. */
  | { kind: 'command'; commandId: string; event: CommandEvent }
  /** Something happened to a task. */
  | { kind: 'task'; report: Omit<TaskReport, 'agentId'> }
  /** A question to people, or its end. */
  | { kind: 'interaction'; report: InteractionReport }
  /** Tokens and money that were spent. */
  | { kind: 'usage'; report: AgentPayloads['usage:report'] }
  /** Part of a message or a tool call. */
  | { kind: 'stream'; event: StreamEvent }
  /** Something happened to a session. */
  | { kind: 'session'; sessionId: string; event: SessionEvent }
  /** The state of a session changed. */
  | { kind: 'state'; sessionId: string; change: StateChange }
  /** What the agent is doing. */
  | { kind: 'work'; report: AgentPayloads['agent:status'] }
  /** The agent says goodbye. */
  | { kind: 'exit'; reason: AgentPayloads['agent:exit']['reason']; drafts: EventDraft[] }
  | { kind: 'refused'; error: WireError }

type Unnumbered =
  | 'agent:connect'
  | 'heartbeat'
  | 'agent:metrics'
  | 'session:typing'
  | 'terminal:output'
  | 'terminal:ack'
export type ReportFrame = Exclude<AgentFrame, { type: Unnumbered }>
type ReportType = Exclude<AgentFrameType, Unnumbered>

interface From {
  agentId: string
  bootId: string
}

type Reader<K extends ReportType> = (payload: AgentPayloads[K], from: From) => Report

const events = (...drafts: EventDraft[]): Report => ({ kind: 'events', drafts })
const command = (commandId: string, event: CommandEvent): Report => ({ kind: 'command', commandId, event })

/** Frames of a session's stream become its events unchanged. */
const inSession =
  <K extends StreamType>(type: K): Reader<K> =>
  (payload, { agentId }) => ({ kind: 'stream', event: { type, payload: { ...payload, agentId } } as StreamEvent })

const session =
  (kind: 'start' | 'activity' | 'end') =>
  ({ sessionId, ...fields }: AgentPayloads['session:start']): Report => ({
    kind: 'session',
    sessionId,
    event: { kind, fields },
  })

/** All `task:<verb>` frames report on a task. */
const task =
  (verb: TaskReport['verb']) =>
  ({ taskId, ...fields }: AgentPayloads['task:update']): Report => ({ kind: 'task', report: { verb, taskId, fields } })

/** Terminal frames add nothing to the log; the uplink passes them on. */
const inTerminal = (): Report => ({ kind: 'events', drafts: [] })

const readers: { [K in ReportType]: Reader<K> } = {
  'agent:status': report => ({ kind: 'work', report }),
  'agent:error': (payload, { agentId }) =>
    events(draftOf('agent:error', topics.agentLog(agentId), { agentId, ...payload })),
  'agent:exit': (payload, { agentId, bootId }) => ({
    kind: 'exit',
    reason: payload.reason,
    drafts: [draftOf('agent:lifecycle', topics.agentLog(agentId), { agentId, ...lifecycleOnExit(bootId, payload) })],
  }),
  'command:ack': ({ commandId, attempt }) => command(commandId, { kind: 'ack', attempt }),
  'command:reject': ({ commandId, attempt, reason = 'busy', message }) =>
    command(commandId, { kind: 'reject', attempt, reason, ...(message !== undefined && { message }) }),
  'command:progress': ({ commandId, attempt, ...progress }) =>
    command(commandId, { kind: 'progress', attempt, progress }),
  'command:result': ({ commandId, attempt, ...outcome }) => command(commandId, { kind: 'result', attempt, outcome }),
  'message:start': (payload, from) => inSession('message:start')({ role: 'assistant', ...payload }, from),
  'message:delta': inSession('message:delta'),
  'message:end': inSession('message:end'),
  'tool:start': inSession('tool:start'),
  'tool:args': inSession('tool:args'),
  'tool:end': inSession('tool:end'),
  'usage:report': report => ({ kind: 'usage', report }),
  'terminal:resize': inTerminal,
  'terminal:exit': inTerminal,
  'session:start': session('start'),
  'session:activity': session('activity'),
  'session:end': session('end'),
  'state:snapshot': ({ sessionId, snapshot }) => ({
    kind: 'state',
    sessionId,
    change: { kind: 'snapshot', snapshot },
  }),
  'state:patch': ({ sessionId, patch }) => ({ kind: 'state', sessionId, change: { kind: 'patch', patch } }),
  'task:create': task('create'),
  'task:start': task('start'),
  'task:update': task('update'),
  'task:progress': task('progress'),
  'task:pause': task('pause'),
  'task:complete': task('complete'),
  'task:fail': task('fail'),
  'task:cancel': task('cancel'),
  'interaction:request': request => ({ kind: 'interaction', report: { verb: 'request', request } }),
  'interaction:resolved': ({ interactionId, ...answer }) => ({
    kind: 'interaction',
    report: { verb: 'resolved', interactionId, answer },
  }),
  'interaction:applied': ({ interactionId }) => ({
    kind: 'interaction',
    report: { verb: 'applied', interactionId },
  }),
}

/** What a frame reports: pure, and total over the numbered frame types. */
export function readReport(frame: ReportFrame, from: From): Report {
  const read = readers[frame.type] as Reader<ReportType>
  return read(frame.payload, from)
}

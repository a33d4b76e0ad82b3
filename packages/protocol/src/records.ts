import { type Static, Type } from '@sinclair/typebox'
import { commandStatuses, finalStatuses } from './command-status.ts'
import { ByteOffset, DurationMs, ExitCode, Fraction, Id, Json, Labels, Text, Timestamp, Title } from './common.ts'
import { OneOf } from './one-of.ts'

// ---- agents

export const Link = OneOf(['online', 'late', 'offline'], 'The state of the socket, as the server sees it')
export const Work = OneOf(
  ['starting', 'idle', 'working', 'waiting', 'stalled', 'stopped', 'error'],
  'What the agent is doing, as reported by the agent or inferred by the server',
)
export const Evidence = OneOf(['reported', 'inferred', 'guessed'], 'The source of `work`')

export const Capabilities = Type.Object({
  kinds: Type.Optional(
    Type.Array(Type.String({ pattern: '^[a-z][a-z0-9_-]{0,63}$' }), {
      maxItems: 64,
      description: 'The command kinds that it runs',
    }),
  ),
  renewsToken: Type.Optional(
    Type.Boolean({ description: 'It renews its token by itself before the current one expires' }),
  ),
  runTimeoutMs: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 365 * 86_400_000,
      description: 'The run timeout, in milliseconds, of commands that have none of their own; 0: no limit',
    }),
  ),
})
export type Capabilities = Static<typeof Capabilities>

export const Agent = Type.Object(
  {
    agentId: Id,
    name: Title,
    kind: Type.String({ maxLength: 64 }),
    version: Type.String({ maxLength: 64 }),
    labels: Labels,
    capabilities: Capabilities,
    maxConcurrency: Type.Integer({ minimum: 1 }),
    status: OneOf(['online', 'offline', 'error'], 'A summary of `link` and `work`'),
    link: Link,
    work: Work,
    detail: Type.String(),
    evidence: Evidence,
    lastSeenAt: Timestamp,
    connectedAt: Timestamp,
    tokenExpiresAt: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Epoch ms; present during the last day before it expires, unless the agent renews its token',
      }),
    ),
    running: Type.Array(Id),
    openInteractions: Type.Integer({ minimum: 0 }),
  },
  { $id: 'Agent' },
)
export type Agent = Static<typeof Agent>

// ---- commands

export const CommandStatus = OneOf(commandStatuses)
export type CommandStatus = Static<typeof CommandStatus>

export const CommandPhase = OneOf(['working', 'waiting_input', 'cancelling', 'disconnected'], 'Refines `running`')
export type CommandPhase = Static<typeof CommandPhase>
export const WhenBusy = OneOf(['enqueue', 'interrupt', 'reject'])
export const OnLost = OneOf(['fail', 'requeue'])
export const CommandKind = Type.String({
  pattern: '^[a-z][a-z0-9_-]{0,63}$',
  description: 'A slug from the agent’s capabilities.kinds; built in: shell, prompt',
})
export const Priority = Type.Integer({ minimum: -100, maximum: 100, description: 'Higher runs first; default 0' })

/** What went wrong: a string, or an object with a `message`. */
export const ErrorValue = Type.Union([
  Text,
  Type.Object({ message: Text, code: Type.Optional(Type.String()), details: Type.Optional(Json) }),
])

/** A human-readable sentence. */
export const Detail = Type.String({ maxLength: 4096 })

const outputFields = {
  outputBytes: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'The total bytes it wrote; `output` may contain only the end',
    }),
  ),
  outputTruncated: Type.Optional(Type.Boolean({ description: '`output` does not contain everything it wrote' })),
}

export const Stdio = OneOf(
  ['terminal', 'pipe'],
  'What a shell command runs on: a terminal (default), or pipes as in a shell pipeline, with its bytes unchanged',
)

export const CommandOutcome = Type.Object({
  status: OneOf(['succeeded', 'failed', 'cancelled']),
  output: Type.Optional(Json),
  error: Type.Optional(ErrorValue),
  exitCode: Type.Optional(ExitCode),
  detail: Type.Optional(Detail),
  ...outputFields,
})
export type CommandOutcome = Static<typeof CommandOutcome>

export const Command = Type.Object(
  {
    commandId: Id,
    agentId: Id,
    kind: CommandKind,
    input: Json,
    sessionId: Type.Optional(Id),
    taskId: Type.Optional(Id),
    status: CommandStatus,
    phase: Type.Optional(CommandPhase),
    detail: Type.Optional(Detail),
    evidence: Type.Optional(
      OneOf(['reported', 'inferred', 'guessed'], 'The evidence for a wait that the agent reported'),
    ),
    reason: Type.Optional(Type.String({ description: 'Why it has this status, as a slug' })),
    attempt: Type.Integer({ minimum: 0, description: 'The fencing token: the number of the latest dispatch' }),
    priority: Priority,
    runNextAt: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'About when it was moved to the front of its queue (epoch ms); of several, the highest runs first',
      }),
    ),
    whenBusy: WhenBusy,
    idempotencyKey: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    createdBy: Type.String(),
    createdAt: Timestamp,
    dispatchedAt: Type.Optional(Timestamp),
    startedAt: Type.Optional(Timestamp),
    endedAt: Type.Optional(Timestamp),
    cancelRequestedAt: Type.Optional(Timestamp),
    queueTtlMs: DurationMs,
    runTimeoutMs: Type.Integer({ minimum: 0, description: 'Maximum run time in milliseconds; 0: no limit' }),
    onLost: OnLost,
    stdio: Type.Optional(Stdio),
    progress: Type.Optional(
      Type.Object({
        progress: Type.Optional(Fraction),
        confidence: Type.Optional(Fraction),
        message: Type.Optional(Text),
      }),
    ),
    output: Type.Optional(Json),
    ...outputFields,
    error: Type.Optional(ErrorValue),
    exitCode: Type.Optional(ExitCode),
    confirmed: Type.Optional(
      Type.Boolean({ description: 'For cancelled and timed_out: the agent confirmed the stop' }),
    ),
    lateResult: Type.Optional(
      Type.Composite([CommandOutcome, Type.Object({ attempt: Type.Integer(), at: Timestamp })]),
    ),
    retryable: Type.Optional(
      Type.Boolean({ description: 'For failed: the same command may succeed if it is submitted again' }),
    ),
    lastSeenAt: Type.Optional(Timestamp),
    waitingSince: Type.Optional(Timestamp),
    waitedMs: Type.Optional(Type.Integer({ minimum: 0, description: 'How long the run clock was stopped' })),
    retryOf: Type.Optional(Id),
    parentId: Type.Optional(Id),
  },
  { $id: 'Command' },
)
export type Command = Static<typeof Command>

// ---- summaries

const SummaryTitle = Type.String({ maxLength: 120, description: 'The first line of the input' })
const ofCommand = { commandId: Id, kind: CommandKind, title: SummaryTitle }

export const AgentSummary = Type.Object(
  {
    agentId: Id,
    current: Type.Optional(
      Type.Object(
        {
          ...ofCommand,
          startedAt: Timestamp,
          progress: Type.Optional(Fraction),
          message: Type.Optional(Type.String({ maxLength: 200 })),
        },
        { description: 'The running command that was started last' },
      ),
    ),
    last: Type.Optional(
      Type.Object(
        { ...ofCommand, status: CommandStatus, endedAt: Timestamp },
        { description: 'The command that ended last' },
      ),
    ),
    queued: Type.Integer({ minimum: 0 }),
    openInteractions: Type.Integer({ minimum: 0 }),
    lastLine: Type.Optional(
      Type.String({
        maxLength: 200,
        description: 'The last line of terminal output or of a streaming answer, without escape sequences',
      }),
    ),
    usage: Type.Optional(
      Type.Object({
        inputTokens: Type.Integer({ minimum: 0 }),
        outputTokens: Type.Integer({ minimum: 0 }),
        costUsd: Type.Number({ minimum: 0 }),
      }),
    ),
  },
  { $id: 'AgentSummary' },
)
export type AgentSummary = Static<typeof AgentSummary>

// ---- tasks

export const taskStatuses = ['pending', 'running', 'paused', 'completed', 'failed', 'cancelled'] as const
export const TaskStatus = OneOf(taskStatuses)

export const Task = Type.Object(
  {
    taskId: Id,
    title: Title,
    description: Text,
    status: TaskStatus,
    agentId: Type.Optional(Id),
    parentTaskId: Type.Optional(Id),
    labels: Labels,
    progress: Fraction,
    confidence: Fraction,
    message: Text,
    createdAt: Timestamp,
    updatedAt: Timestamp,
    startedAt: Type.Optional(Timestamp),
    endedAt: Type.Optional(Timestamp),
    result: Type.Optional(Json),
    error: Type.Optional(ErrorValue),
  },
  { $id: 'Task' },
)
export type Task = Static<typeof Task>

export const taskActions = ['start', 'pause', 'complete', 'fail', 'cancel'] as const
export type TaskAction = (typeof taskActions)[number]

/** What an agent may set on a task. */
export const taskReportFields = {
  title: Type.Optional(Title),
  description: Type.Optional(Text),
  parentTaskId: Type.Optional(Id),
  labels: Type.Optional(Labels),
  progress: Type.Optional(Fraction),
  confidence: Type.Optional(Fraction),
  message: Type.Optional(Text),
  result: Type.Optional(Json),
  error: Type.Optional(ErrorValue),
}
/** What a caller may set on a task: everything except its state, times and id. */
export const taskFields = { ...taskReportFields, agentId: Type.Optional(Id) }
export const TaskFields = Type.Object(taskFields)
export type TaskFields = Static<typeof TaskFields>

// ---- sessions

export const sessionStatuses = ['active', 'ended'] as const
export const Session = Type.Object(
  {
    sessionId: Id,
    agentId: Id,
    title: Title,
    status: OneOf(sessionStatuses),
    startedAt: Timestamp,
    lastActivityAt: Timestamp,
    lastMessage: Text,
    typing: Type.Boolean(),
    unread: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { $id: 'Session' },
)
export type Session = Static<typeof Session>

const ItemState = OneOf(['open', 'ended'], 'open: more of it may follow')
const itemFields = {
  state: ItemState,
  startedAt: Timestamp,
  endedAt: Type.Optional(Timestamp),
  commandId: Type.Optional(Id),
  taskId: Type.Optional(Id),
}
export const TranscriptMessage = Type.Object({
  kind: Type.Literal('message'),
  messageId: Id,
  role: Type.String(),
  text: Text,
  ...itemFields,
  incomplete: Type.Optional(Type.Boolean({ description: 'The agent disconnected before it was complete' })),
})
export type TranscriptMessage = Static<typeof TranscriptMessage>
export const TranscriptTool = Type.Object({
  kind: Type.Literal('tool'),
  toolCallId: Id,
  messageId: Type.Optional(Id),
  name: Type.String(),
  ...itemFields,
  args: Type.Optional(Json),
  argsText: Type.Optional(
    Type.String({ description: 'Arguments that arrived in pieces and are not (yet) valid JSON' }),
  ),
  result: Type.Optional(Json),
  error: Type.Optional(ErrorValue),
})
export type TranscriptTool = Static<typeof TranscriptTool>
/** One message or tool call of a session, complete or in progress. */
export const TranscriptItem = Type.Union([TranscriptMessage, TranscriptTool], { $id: 'TranscriptItem' })
export type TranscriptItem = Static<typeof TranscriptItem>

// ---- interactions

export const InteractionKind = OneOf(['permission', 'question', 'form'])
export const Risk = OneOf(['low', 'medium', 'high', 'unknown'])
export const Effect = OneOf(['allow', 'deny'])
export const InteractionOption = Type.Object({
  id: Id,
  label: Title,
  effect: Effect,
  scope: Type.Optional(OneOf(['once', 'session', 'always'])),
})
export const InteractionSubject = Type.Object({
  type: Type.String({ maxLength: 64 }),
  preview: Text,
  digest: Type.Optional(Type.String({ maxLength: 256 })),
})
export const DefaultOnTimeout = OneOf(['deny', 'cancel', 'allow'])

export const interactionStates = ['open', 'resolved', 'expired', 'cancelled'] as const

export const InteractionAnswer = Type.Object({
  optionId: Type.Optional(Id),
  text: Type.Optional(Text),
  answers: Type.Optional(Type.Record(Type.String(), Json)),
})
export type InteractionAnswer = Static<typeof InteractionAnswer>

export const Interaction = Type.Object(
  {
    interactionId: Id,
    agentId: Id,
    commandId: Type.Optional(Id),
    sessionId: Type.Optional(Id),
    kind: InteractionKind,
    title: Title,
    description: Text,
    subject: Type.Optional(InteractionSubject),
    risk: Risk,
    options: Type.Array(InteractionOption, { maxItems: 32 }),
    schema: Type.Optional(Json),
    defaultOnTimeout: DefaultOnTimeout,
    createdAt: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'When it was requested, epoch ms; absent if an earlier version created it',
      }),
    ),
    expiresAt: Type.Optional(Timestamp),
    state: OneOf(interactionStates),
    resolution: Type.Optional(
      Type.Composite([InteractionAnswer, Type.Object({ by: Type.String(), via: Type.String(), at: Timestamp })]),
    ),
    delivery: Type.Optional(OneOf(['pending', 'sent', 'applied'])),
  },
  { $id: 'Interaction' },
)
export type Interaction = Static<typeof Interaction>

// ---- terminals

export const TerminalSize = {
  cols: Type.Integer({ minimum: 1, maximum: 1000 }),
  rows: Type.Integer({ minimum: 1, maximum: 1000 }),
}
export const TerminalData = {
  offset: ByteOffset,
  data: Text,
  encoding: OneOf(['utf8', 'base64'], 'utf8: `data` is text of complete characters; base64: any bytes'),
}

// ---- all

/**
 * Final values of `status` (of `state`, for interactions): the record will not change any more. No kind of record uses
 * these words for anything else, so one set serves all kinds.
 */
export const settledStatuses: ReadonlySet<string> = new Set([...finalStatuses, 'completed', 'ended', 'resolved'])

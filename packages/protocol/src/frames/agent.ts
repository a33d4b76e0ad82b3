import { Type } from '@sinclair/typebox'
import {
  ByteOffset,
  DurationMs,
  ExitCode,
  Fraction,
  Id,
  Json,
  Labels,
  ReportedOffset,
  type StaticMap,
  Text,
  Title,
  WholeNumber,
} from '../common.ts'
import { WireError } from '../errors.ts'
import { PatchOperation, Usage } from '../events.ts'
import { OneOf } from '../one-of.ts'
import {
  Capabilities,
  CommandOutcome,
  DefaultOnTimeout,
  Detail,
  ErrorValue,
  Evidence,
  InteractionAnswer,
  InteractionKind,
  InteractionOption,
  InteractionSubject,
  Risk,
  Stdio,
  TerminalData,
  TerminalSize,
  taskReportFields,
  Work,
} from '../records.ts'
import { Joins, serverPayloads, TerminalInput } from './client.ts'

const Attempt = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const OfCommand = { commandId: Id, attempt: Attempt }
const Concerns = { commandId: Type.Optional(Id), taskId: Type.Optional(Id) }

const SessionReport = Type.Object({
  sessionId: Id,
  title: Type.Optional(Title),
  lastMessage: Type.Optional(Text),
  typing: Type.Optional(Type.Boolean()),
})
const MessageReport = { sessionId: Id, messageId: Id, role: Type.Optional(Type.String({ maxLength: 32 })), ...Concerns }
const ToolReport = { sessionId: Id, toolCallId: Id, messageId: Type.Optional(Id), ...Concerns }
const IsLocal = Type.Boolean({
  description: 'A person is using it locally: their terminal, not the server, answers the program’s queries',
})
const TaskReport = Type.Object({ taskId: Id, ...taskReportFields })

/** Agent → server: payload schemas by type. */
export const agentPayloads = {
  'agent:connect': Type.Object({
    name: Type.Optional(Title),
    kind: Type.Optional(Type.String({ maxLength: 64 })),
    version: Type.Optional(Type.String({ maxLength: 64 })),
    labels: Type.Optional(Labels),
    capabilities: Type.Optional(Capabilities),
    maxConcurrency: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    bootId: Id,
    connects: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description:
          'The number of this connection within the process: 1, 2, 3 … Identifies an `agent:connect` that was delayed in transit',
      }),
    ),
    join: Type.Optional(Joins),
    inventory: Type.Optional(
      Type.Array(Type.Object({ ...OfCommand, state: OneOf(['running', 'finished']) }), { maxItems: 10_000 }),
    ),
    terminals: Type.Optional(
      Type.Array(
        Type.Object({ terminalId: Id, ...TerminalSize, offset: ReportedOffset, local: Type.Optional(IsLocal) }),
        {
          maxItems: 1000,
        },
      ),
    ),
  }),
  heartbeat: Type.Object({ running: Type.Optional(Type.Array(Id, { maxItems: 10_000 })) }),
  'agent:status': Type.Object({
    work: Work,
    detail: Type.Optional(Detail),
    evidence: Type.Optional(Evidence),
    commandId: Type.Optional(Id),
  }),
  'agent:metrics': Type.Object({}, { additionalProperties: Type.Number(), maxProperties: 256 }),
  'agent:error': Type.Object({
    message: Text,
    code: Type.Optional(Type.String({ maxLength: 128 })),
    fatal: Type.Optional(Type.Boolean()),
  }),
  'agent:exit': Type.Object({
    reason: OneOf(['stopped', 'restarting', 'crashed']),
    exitCode: Type.Optional(ExitCode),
    signal: Type.Optional(Type.String({ maxLength: 32 })),
    message: Type.Optional(Text),
  }),
  'command:ack': Type.Object(OfCommand),
  'command:reject': Type.Object({
    ...OfCommand,
    reason: Type.Optional(OneOf(['busy', 'unsupported', 'policy'])),
    message: Type.Optional(Text),
  }),
  'command:progress': Type.Object({
    ...OfCommand,
    progress: Type.Optional(Fraction),
    confidence: Type.Optional(Fraction),
    message: Type.Optional(Text),
  }),
  'command:result': Type.Composite([Type.Object(OfCommand), CommandOutcome]),
  'session:start': SessionReport,
  'session:activity': SessionReport,
  'session:typing': SessionReport,
  'session:end': SessionReport,
  'message:start': Type.Object({ ...MessageReport, text: Type.Optional(Text) }),
  'message:delta': Type.Object({ ...MessageReport, delta: Text }),
  'message:end': Type.Object({ ...MessageReport, text: Type.Optional(Text) }),
  'tool:start': Type.Object({ ...ToolReport, name: Type.String({ maxLength: 256 }), args: Type.Optional(Json) }),
  'tool:args': Type.Object({ ...ToolReport, delta: Text }),
  'tool:end': Type.Object({
    ...ToolReport,
    result: Type.Optional(Json),
    error: Type.Optional(ErrorValue),
    args: Type.Optional(Json),
  }),
  'state:snapshot': Type.Object({ sessionId: Id, snapshot: Json }),
  'state:patch': Type.Object({ sessionId: Id, patch: Type.Array(PatchOperation, { maxItems: 10_000 }) }),
  'task:create': TaskReport,
  'task:start': TaskReport,
  'task:update': TaskReport,
  'task:progress': TaskReport,
  'task:pause': TaskReport,
  'task:complete': TaskReport,
  'task:fail': TaskReport,
  'task:cancel': TaskReport,
  'interaction:request': Type.Object({
    interactionId: Id,
    commandId: Type.Optional(Id),
    sessionId: Type.Optional(Id),
    kind: InteractionKind,
    title: Title,
    description: Type.Optional(Text),
    subject: Type.Optional(InteractionSubject),
    risk: Type.Optional(Risk),
    options: Type.Array(InteractionOption, { maxItems: 32 }),
    schema: Type.Optional(Json),
    timeoutMs: Type.Optional(DurationMs),
    defaultOnTimeout: Type.Optional(DefaultOnTimeout),
  }),
  'interaction:resolved': Type.Composite([Type.Object({ interactionId: Id }), InteractionAnswer]),
  'interaction:applied': Type.Object({ interactionId: Id }),
  'terminal:output': Type.Object({ terminalId: Id, ...TerminalData, offset: ReportedOffset }),
  'terminal:resize': Type.Object({ terminalId: Id, ...TerminalSize, local: Type.Optional(IsLocal) }),
  'terminal:exit': Type.Object({
    terminalId: Id,
    exitCode: Type.Optional(ExitCode),
    signal: Type.Optional(Type.String({ maxLength: 32 })),
  }),
  'terminal:ack': Type.Object({ terminalId: Id, offset: ByteOffset }),
  'usage:report': Type.Object(Usage),
} as const

export type AgentPayloads = StaticMap<typeof agentPayloads>
export type AgentFrameType = keyof AgentPayloads
/** `n` numbers the frames that must not be lost: 1, 2, 3 … within one bootId. */
export type AgentFrame = {
  [K in AgentFrameType]: { type: K; id?: string; n?: number; payload: AgentPayloads[K] }
}[AgentFrameType]

/** What the agent must do with a command of its inventory after a reconnect. */
export const DirectiveAction = OneOf(['continue', 'cancel', 'forget', 'resend'])

/** Server → agent: payload schemas by type. */
export const agentServerPayloads = {
  'connection:established': Type.Object({
    agentId: Id,
    connectionId: Id,
    heartbeatMs: DurationMs,
    ackedN: Type.Integer({ minimum: 0, description: 'The last numbered frame of this bootId that was stored' }),
    directives: Type.Array(Type.Object({ commandId: Id, action: DirectiveAction })),
    serverTime: Type.Integer(),
    limits: Type.Object({ maxFrameBytes: Type.Integer(), frameRate: Type.Integer(), frameBurst: Type.Integer() }),
  }),
  'command:dispatch': Type.Object({
    commandId: Id,
    attempt: Attempt,
    kind: Type.String(),
    input: Json,
    sessionId: Type.Optional(Id),
    taskId: Type.Optional(Id),
    runTimeoutMs: Type.Integer({ minimum: 0 }),
    stdio: Type.Optional(Stdio),
    rerun: Type.Optional(
      Type.Boolean({
        description: 'An earlier run was abandoned (onLost: requeue): run it again even if it is in the journal',
      }),
    ),
  }),
  'command:interrupt': Type.Object({ commandId: Id, attempt: WholeNumber, force: Type.Boolean() }),
  'interaction:answer': Type.Composite([
    Type.Object({ interactionId: Id, digest: Type.Optional(Type.String()), expired: Type.Optional(Type.Boolean()) }),
    InteractionAnswer,
  ]),
  'terminal:input': Type.Object({ terminalId: Id, ...TerminalInput }),
  'terminal:resize': Type.Object({ terminalId: Id, ...TerminalSize }),
  'terminal:ack': Type.Object({ terminalId: Id, offset: ByteOffset }),
  'terminal:resend': Type.Object({ terminalId: Id, from: ByteOffset }),
  'report:ack': Type.Object({ n: Type.Integer({ minimum: 0 }) }),
  heartbeat: Type.Object({ cancel: Type.Array(Id) }),
  error: WireError,
  'connection:closing': serverPayloads['connection:closing'],
} as const

export type AgentServerPayloads = StaticMap<typeof agentServerPayloads>
export type AgentServerFrameType = keyof AgentServerPayloads
export type AgentServerFrame = {
  [K in AgentServerFrameType]: { type: K; id?: string; payload: AgentServerPayloads[K] }
}[AgentServerFrameType]

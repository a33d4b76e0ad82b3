import { type Static, Type } from '@sinclair/typebox'
import { ByteOffset, Cursor, ExitCode, Id, Json, type StaticMap, Text, Timestamp, WholeNumber } from './common.ts'
import { OneOf } from './one-of.ts'
import { Agent, AgentSummary, Command, ErrorValue, Interaction, Session, Task } from './records.ts'

export const AgentMetrics = Type.Object(
  { agentId: Id },
  { additionalProperties: Type.Union([Type.Number(), Type.String()]) },
)

const Lifecycle = Type.Object({
  agentId: Id,
  lifecycle: OneOf(['started', 'stopped', 'restarted', 'crashed']),
  bootId: Type.Optional(Id),
  exitCode: Type.Optional(ExitCode),
  signal: Type.Optional(Type.String()),
  message: Type.Optional(Text),
})

const Concerns = { commandId: Type.Optional(Id), taskId: Type.Optional(Id) }
const InSession = { agentId: Id, sessionId: Id }
const Message = { ...InSession, messageId: Id, ...Concerns }
const ToolCall = { ...InSession, toolCallId: Id, messageId: Type.Optional(Id), ...Concerns }

export const Usage = {
  source: Type.String({ maxLength: 128 }),
  mode: OneOf(['delta', 'cumulative']),
  requestId: Type.String({ minLength: 1, maxLength: 128 }),
  inputTokens: Type.Optional(WholeNumber),
  outputTokens: Type.Optional(WholeNumber),
  costUsd: Type.Optional(Type.Number({ minimum: 0, maximum: 1e12 })),
  model: Type.Optional(Type.String({ maxLength: 128 })),
}

export const PatchOperation = Type.Object({
  op: OneOf(['add', 'remove', 'replace', 'move', 'copy', 'test']),
  path: Type.String(),
  from: Type.Optional(Type.String()),
  value: Type.Optional(Json),
})

/** The payload of every event. All but `agent:summary` are in the log. Keys are the wire types. */
export const eventPayloads = {
  'agent:status': Agent,
  'agent:lifecycle': Lifecycle,
  'agent:metrics': AgentMetrics,
  'agent:summary': AgentSummary,
  'agent:error': Type.Object({
    agentId: Id,
    message: Text,
    code: Type.Optional(Type.String()),
    fatal: Type.Optional(Type.Boolean()),
  }),
  'agent:removed': Type.Object({ agentId: Id }),
  'command:queued': Command,
  'command:dispatched': Command,
  'command:running': Command,
  'command:progress': Command,
  'command:cancelling': Command,
  'command:succeeded': Command,
  'command:failed': Command,
  'command:cancelled': Command,
  'command:timed_out': Command,
  'command:expired': Command,
  'command:rejected': Command,
  'command:lost': Command,
  'session:started': Session,
  'session:activity': Session,
  'session:typing': Session,
  'session:ended': Session,
  'message:start': Type.Object({ ...Message, role: Type.String({ maxLength: 32 }), text: Type.Optional(Text) }),
  'message:delta': Type.Object({ ...Message, delta: Text }),
  'message:end': Type.Object({
    ...Message,
    role: Type.Optional(Type.String({ maxLength: 32 })),
    text: Type.Optional(Text),
    incomplete: Type.Optional(Type.Boolean({ description: 'The agent disconnected before it was complete' })),
  }),
  'tool:start': Type.Object({ ...ToolCall, name: Type.String({ maxLength: 256 }), args: Type.Optional(Json) }),
  'tool:args': Type.Object({ ...ToolCall, delta: Text }),
  'tool:end': Type.Object({
    ...ToolCall,
    result: Type.Optional(Json),
    error: Type.Optional(ErrorValue),
    args: Type.Optional(Json),
  }),
  'state:snapshot': Type.Object({ ...InSession, snapshot: Json }),
  'state:patch': Type.Object({ ...InSession, patch: Type.Array(PatchOperation) }),
  'task:created': Task,
  'task:started': Task,
  'task:updated': Task,
  'task:progress': Task,
  'task:paused': Task,
  'task:completed': Task,
  'task:failed': Task,
  'task:cancelled': Task,
  'task:deleted': Type.Object({ taskId: Id }),
  'interaction:requested': Interaction,
  'interaction:resolved': Interaction,
  'interaction:expired': Interaction,
  'interaction:cancelled': Interaction,
  'usage:reported': Type.Object({ agentId: Id, ...Usage }),
  'connection:opened': Type.Object({ connectionId: Id, role: Type.String(), sub: Type.String(), at: Timestamp }),
  'connection:closed': Type.Object({
    connectionId: Id,
    role: Type.String(),
    sub: Type.String(),
    code: Type.Integer(),
    at: Timestamp,
  }),
  'audit:recorded': Type.Object({
    by: Type.String({ description: '`sub` of the token' }),
    action: Type.String({ description: 'What was done: `command:interrupt`, `token:mint` …' }),
    what: Type.String({ description: 'The id of the object that was affected' }),
    via: OneOf(['rest', 'ws'], 'The interface that was used'),
    address: Type.Optional(Type.String()),
    at: Timestamp,
  }),
  'notification:created': Type.Object({ title: Text, message: Type.Optional(Text), data: Type.Optional(Json) }),
} as const

export type EventPayloads = StaticMap<typeof eventPayloads>
export type EventType = keyof EventPayloads

/** An event on the wire: five fields at the top level. */
export interface WireEvent<K extends string = string, P = unknown> {
  type: K
  topic: string
  cursor: string
  at: number
  payload: P
}
export type KnownEvent = { [K in EventType]: WireEvent<K, EventPayloads[K]> }[EventType]

export const EventFrame = Type.Object(
  { type: Type.String(), topic: Type.String(), cursor: Cursor, at: Timestamp, payload: Json },
  { $id: 'Event' },
)

/** Terminal frames are not logged: they are live only, with offsets instead of cursors. */
export const TerminalSnapshot = Type.Object({
  agentId: Id,
  terminalId: Id,
  cols: Type.Integer(),
  rows: Type.Integer(),
  offset: ByteOffset,
  screen: Text,
  title: Type.String(),
  gap: Type.Optional(Type.Object({ from: ByteOffset, to: ByteOffset }, { description: 'The bytes that are lost' })),
  raw: Type.Optional(
    Type.Literal(true, {
      description:
        'The server does not render this terminal, since that would take too long: `screen` is the end of its output as plain text',
    }),
  ),
  /** This viewer answers the terminal's queries that end after this offset. */
  answersFrom: Type.Optional(ByteOffset),
})
export type TerminalSnapshot = Static<typeof TerminalSnapshot>

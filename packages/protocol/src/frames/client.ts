import { type Static, Type } from '@sinclair/typebox'
import {
  ByteOffset,
  Cursor,
  DurationMs,
  ExitCode,
  Id,
  Json,
  type StaticMap,
  Text,
  Timestamp,
  WholeNumber,
} from '../common.ts'
import { WireError } from '../errors.ts'
import { TerminalSnapshot } from '../events.ts'
import { OneOf } from '../one-of.ts'
import {
  CommandKind,
  InteractionAnswer,
  OnLost,
  Priority,
  Stdio,
  TerminalData,
  TerminalSize,
  WhenBusy,
} from '../records.ts'

export const Pattern = Type.String({
  minLength: 1,
  maxLength: 512,
  description: 'A topic in which * matches one token, and > at the end matches one or more',
})
const Patterns = Type.Array(Pattern, { maxItems: 1000 })
const TerminalMode = OneOf(['bytes', 'snapshot', 'whole'])

/**
 * Bytes for a program's input: typed on a terminal, or written to a pipe at `offset` (bytes from the start of the
 * input).
 */
export const TerminalInput = {
  data: Text,
  encoding: Type.Optional(OneOf(['utf8', 'base64'])),
  offset: Type.Optional(ByteOffset),
  eof: Type.Optional(Type.Boolean({ description: 'The input ends after these bytes' })),
  inputSeq: WholeNumber,
}

const OfTerminal = { agentId: Id, terminalId: Type.Optional(Id) }

/** For `dashboard:connect` and `agent:connect`. */
export const Joins = Type.Boolean({
  description: 'Text messages to this client may contain several frames, one per line',
})

/** The fields of a command submission, over REST or a socket. */
export const commandRequestFields = {
  kind: CommandKind,
  input: Json,
  sessionId: Type.Optional(Id),
  taskId: Type.Optional(Id),
  priority: Type.Optional(Priority),
  whenBusy: Type.Optional(WhenBusy),
  onLost: Type.Optional(OnLost),
  idempotencyKey: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  queueTtlMs: Type.Optional(DurationMs),
  runTimeoutMs: Type.Optional(DurationMs),
  stdio: Type.Optional(Stdio),
}

const WantsSnapshot = Type.Union([Type.Boolean(), Type.Literal('active')], {
  description: '`active`: without records that will not change any more; default true',
})

/** Client → server: payload schemas by type. */
export const clientPayloads = {
  'dashboard:connect': Type.Object({
    client: Type.Optional(
      Type.Object({ name: Type.String({ maxLength: 128 }), version: Type.Optional(Type.String({ maxLength: 64 })) }),
    ),
    resume: Type.Optional(Type.Object({ cursor: Cursor })),
    subscribe: Type.Optional(Patterns),
    snapshot: Type.Optional(WantsSnapshot),
    join: Type.Optional(Joins),
  }),
  subscribe: Type.Object({ topics: Patterns, snapshot: Type.Optional(WantsSnapshot) }),
  unsubscribe: Type.Object({ topics: Patterns }),
  'command:request': Type.Object({ agentId: Id, ...commandRequestFields }),
  'command:interrupt': Type.Object({ commandId: Id, reason: Type.Optional(Type.String({ maxLength: 1024 })) }),
  'interaction:respond': Type.Composite([
    Type.Object({ interactionId: Id, digest: Type.Optional(Type.String({ maxLength: 256 })) }),
    InteractionAnswer,
  ]),
  'terminal:open': Type.Object({
    ...OfTerminal,
    mode: Type.Optional(TerminalMode),
    from: Type.Optional(ByteOffset),
    answers: Type.Optional(
      Type.Boolean({
        description:
          'The viewer is a real terminal that answers the program’s queries; only effective with `terminal:write`',
      }),
    ),
  }),
  'terminal:close': Type.Object({ ...OfTerminal, mode: Type.Optional(TerminalMode) }),
  'terminal:input': Type.Object({ ...OfTerminal, ...TerminalInput }),
  'terminal:resize': Type.Object({ ...OfTerminal, ...TerminalSize }),
  'terminal:ack': Type.Object({ ...OfTerminal, offset: ByteOffset }),
  'auth:refresh': Type.Object({ token: Type.String({ minLength: 1, maxLength: 16_384 }) }),
  heartbeat: Type.Object({ timestamp: Type.Optional(Type.Number()) }),
  ping: Type.Object({ timestamp: Type.Optional(Type.Number()) }),
} as const

export type ClientPayloads = StaticMap<typeof clientPayloads>
export type ClientFrameType = keyof ClientPayloads
export type ClientFrame = {
  [K in ClientFrameType]: { type: K; id?: string; payload: ClientPayloads[K] }
}[ClientFrameType]

export const ConnectionLimits = Type.Object({
  maxFrameBytes: Type.Integer(),
  frameRate: Type.Integer(),
  frameBurst: Type.Integer(),
  maxPatterns: Type.Integer(),
  outboxLimitBytes: Type.Integer(),
})

/** `ok: true` with the result fields of the request, or `ok: false` with the error. Carries the request's `id`. */
export const Reply = Type.Union([
  Type.Object({ ok: Type.Literal(true) }),
  Type.Object({ ok: Type.Literal(false), error: WireError }),
])

/** Server → client: payload schemas by type. Events (`eventPayloads`) are sent in addition to these. */
export const serverPayloads = {
  'connection:established': Type.Object({
    connectionId: Id,
    userId: Type.String({ description: 'The `sub` of the token' }),
    userKey: Type.Optional(Id),
    role: Type.String(),
    cursor: Cursor,
    resumed: Type.Boolean(),
    reason: Type.Optional(Type.String({ description: 'Why a resume was not possible' })),
    heartbeatMs: DurationMs,
    serverTime: Timestamp,
    limits: ConnectionLimits,
  }),
  reply: Reply,
  snapshot: Type.Object({
    topics: Type.Array(Type.String()),
    records: Type.Array(Type.Object({ topic: Type.String(), type: Type.String(), payload: Json })),
    cursor: Cursor,
    more: Type.Optional(
      Type.Boolean({ description: 'The snapshot is large: further parts with the same cursor follow' }),
    ),
  }),
  'resume:done': Type.Object({ cursor: Cursor }),
  'resync:required': Type.Object({ topics: Type.Array(Type.String()), reason: Type.String() }),
  'terminal:snapshot': TerminalSnapshot,
  'terminal:output': Type.Object({
    agentId: Id,
    terminalId: Id,
    ...TerminalData,
    gap: Type.Optional(Type.Object({ from: ByteOffset, to: ByteOffset })),
  }),
  'terminal:resize': Type.Object({ agentId: Id, terminalId: Id, ...TerminalSize }),
  'terminal:ack': Type.Object({ agentId: Id, terminalId: Id, offset: ByteOffset }),
  'terminal:exit': Type.Object({
    agentId: Id,
    terminalId: Id,
    exitCode: Type.Optional(ExitCode),
    signal: Type.Optional(Type.String()),
  }),
  heartbeat: Type.Object({ timestamp: Timestamp, echo: Type.Optional(Type.Number()) }),
  pong: Type.Object({ timestamp: Timestamp }),
  'connection:closing': Type.Object({
    code: Type.Integer(),
    reason: Type.String(),
    reconnectAfterMs: Type.Optional(DurationMs),
  }),
  error: WireError,
} as const

export type ServerPayloads = StaticMap<typeof serverPayloads>
export type ServerFrameType = keyof ServerPayloads
export type ServerFrame = {
  [K in ServerFrameType]: { type: K; id?: string; payload: ServerPayloads[K] }
}[ServerFrameType]
export type Reply = Static<typeof Reply>

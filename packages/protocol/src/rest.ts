import { type Static, type TInteger, type TSchema, Type } from '@sinclair/typebox'
import { commandStatuses } from './command-status.ts'
import { Cursor, Id, Json, Jti, Labels, Subject, Timestamp, Title } from './common.ts'
import { WireError } from './errors.ts'
import { EventFrame } from './events.ts'
import { commandRequestFields } from './frames/client.ts'
import { OneOf } from './one-of.ts'
import {
  Agent,
  Command,
  CommandStatus,
  Interaction,
  InteractionAnswer,
  Priority,
  Session,
  Task,
  TaskFields,
  TaskStatus,
  TranscriptItem,
  taskActions,
  taskFields,
  Work,
} from './records.ts'

const Closed = { additionalProperties: false }

/** One page of a list; `nextCursor` is null on the last page. */
const PageOf = <T extends TSchema>(items: T) =>
  Type.Object({ items: Type.Array(items), nextCursor: Type.Union([Type.String(), Type.Null()]) })

const Limit = Type.Integer({ minimum: 1, maximum: 500, default: 50 })
export const PageQuery = {
  limit: Type.Optional(Limit),
  cursor: Type.Optional(
    Type.String({
      pattern: '^[0-9a-z]{1,11}[.][A-Za-z0-9._-]{1,200}$',
      description: 'The `nextCursor` of the previous page, unchanged',
    }),
  ),
}

/** `POST /agents/:agentId/commands` */
export const SubmitCommandBody = Type.Object(commandRequestFields, { ...Closed, $id: 'SubmitCommand' })
export type SubmitCommandBody = Static<typeof SubmitCommandBody>
export const SubmitCommandQuery = Type.Object(
  {
    wait: Type.Optional(
      Type.Number({ minimum: 0, maximum: 60, description: 'Seconds to wait for the command to end' }),
    ),
  },
  Closed,
)

/** `GET /commands`, `GET /agents/:agentId/commands`; `status` may list several values, separated by commas. */
export const ListCommandsQuery = Type.Object(
  {
    ...PageQuery,
    status: Type.Optional(Type.String({ maxLength: 256 })),
    agentId: Type.Optional(Id),
    taskId: Type.Optional(Id),
    parentId: Type.Optional(Id),
    createdAfter: Type.Optional(Timestamp),
  },
  Closed,
)
/** For the agent in the URL. */
export const ListAgentCommandsQuery = Type.Omit(ListCommandsQuery, ['agentId'])
export const CommandPage = PageOf(Command)
export const AgentPage = PageOf(Agent)
export const ListAgentsQuery = Type.Object(
  { ...PageQuery, cursor: Type.Optional(Id), status: Type.Optional(Type.String({ maxLength: 256 })) },
  Closed,
)

/** `GET /agents/:agentId/terminal` */
export const TerminalQuery = Type.Object(
  {
    format: Type.Optional(OneOf(['text', 'ansi', 'cast'], 'Default: text')),
    terminalId: Type.Optional(Id),
  },
  Closed,
)
/** `POST /agents/:agentId/disconnect` */
export const DisconnectResult = Type.Object({ affected: Type.Boolean() })

/** `PATCH /commands/:commandId`, while the command is queued. */
export const EditCommandBody = Type.Object(
  {
    input: Type.Optional(Json),
    priority: Type.Optional(Priority),
    runNext: Type.Optional(
      Type.Boolean({
        description: 'true: move ahead of all queued commands, regardless of priority; false: undo this',
      }),
    ),
    queueTtlMs: commandRequestFields.queueTtlMs,
    runTimeoutMs: commandRequestFields.runTimeoutMs,
  },
  { ...Closed, minProperties: 1 },
)
export type EditCommandBody = Static<typeof EditCommandBody>
export const InterruptBody = Type.Object({ reason: Type.Optional(Type.String({ maxLength: 1024 })) }, Closed)
export const InterruptResult = Type.Object({ affected: Type.Boolean(), status: Type.String() })
export type InterruptResult = Static<typeof InterruptResult>

/** Selects the agents that meet every condition. An empty selector would select the whole fleet by mistake. */
const BatchSelector = Type.Object(
  {
    labels: Type.Optional(Labels),
    ids: Type.Optional(Type.Array(Id, { minItems: 1, maxItems: 10_000 })),
    work: Type.Optional(Work),
  },
  { ...Closed, minProperties: 1 },
)
/** `POST /commands`: one command to many agents. */
export const BatchBody = Type.Object(
  {
    selector: BatchSelector,
    command: Type.Object(Type.Omit(Type.Object(commandRequestFields), ['idempotencyKey']).properties, Closed),
    maxParallel: Type.Optional(Type.Integer({ minimum: 1 })),
    stopOnFailures: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  Closed,
)

export type BatchBody = Static<typeof BatchBody>
const BatchRefusal = Type.Object({ agentId: Id, error: WireError })
export type BatchRefusal = Static<typeof BatchRefusal>
export const BatchAccepted = Type.Object({
  parentId: Id,
  commands: Type.Array(Command),
  refused: Type.Array(BatchRefusal, { description: 'Agents that could not be given the command, and why' }),
})
/** `GET /batches/:parentId` */
export const Batch = Type.Object(
  {
    parentId: Id,
    createdBy: Type.String(),
    createdAt: Timestamp,
    selector: BatchSelector,
    kind: Type.String(),
    total: Type.Integer({ minimum: 1, description: 'The number of accepted commands' }),
    maxParallel: Type.Optional(Type.Integer({ minimum: 1 })),
    stopOnFailures: Type.Optional(Type.Integer({ minimum: 1 })),
    refused: Type.Array(BatchRefusal),
    stoppedAt: Type.Optional(Timestamp),
    stopReason: Type.Optional(OneOf(['requested', 'failures'])),
    stoppedBy: Type.Optional(Type.String()),
    status: OneOf(['running', 'stopping', 'ended']),
    counts: Type.Object(
      Object.fromEntries(commandStatuses.map(status => [status, Type.Integer({ minimum: 0 })])) as {
        [K in CommandStatus]: TInteger
      },
    ),
    commands: Type.Array(Type.Object({ commandId: Id, agentId: Id, status: CommandStatus })),
  },
  { $id: 'Batch' },
)
export type Batch = Static<typeof Batch>

/** `GET /agents/:agentId/usage`: each request is counted once. */
const usageTotals = {
  inputTokens: Type.Integer({ minimum: 0 }),
  outputTokens: Type.Integer({ minimum: 0 }),
  costUsd: Type.Number({ minimum: 0 }),
  requests: Type.Integer({ minimum: 0 }),
}
const UsageTotals = Type.Object(usageTotals)
export type UsageTotals = Static<typeof UsageTotals>
export const AgentUsage = Type.Object(
  {
    agentId: Id,
    ...usageTotals,
    by: Type.Array(Type.Object({ source: Type.String(), model: Type.String(), ...usageTotals }), {
      description: 'Per source and model; the model is empty if it was not reported',
    }),
  },
  { $id: 'AgentUsage' },
)
export type AgentUsage = Static<typeof AgentUsage>

/** Tokens. */
export const Role = OneOf(['viewer', 'operator', 'admin', 'agent'])
export type Role = Static<typeof Role>
export const AgentIdPattern = Type.String({
  pattern: '^[A-Za-z0-9_*-]{1,64}$',
  description: 'An agent id in which * matches any characters',
})
export const MintTokenBody = Type.Object(
  {
    sub: Subject,
    role: Role,
    ttlSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10 * 365 * 86_400,
        description: 'Default: 30 days. The server sets a maximum, one year by default',
      }),
    ),
    agents: Type.Optional(Type.Array(AgentIdPattern, { minItems: 1, maxItems: 100 })),
    scopes: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32 })),
  },
  { ...Closed, $id: 'MintToken' },
)
export type MintTokenBody = Static<typeof MintTokenBody>
export const MintedToken = Type.Object({ token: Type.String(), jti: Id, expiresAt: Timestamp })
export type MintedToken = Static<typeof MintedToken>
export const TokenInfo = Type.Object(
  {
    jti: Id,
    sub: Type.String(),
    role: Role,
    agents: Type.Array(Type.String()),
    scopes: Type.Optional(Type.Array(Type.String())),
    createdAt: Timestamp,
    createdBy: Type.String(),
    expiresAt: Timestamp,
    revokedAt: Type.Optional(Timestamp),
  },
  { $id: 'TokenInfo' },
)
export type TokenInfo = Static<typeof TokenInfo>
export const TokenPage = PageOf(TokenInfo)
export const ListTokensQuery = Type.Object(PageQuery, Closed)
export const RevokeTokenQuery = Type.Object(
  {
    expiresAt: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 8.64e15,
        description:
          'For a token that was not minted here: its exp, in epoch ms. The revocation is kept until then, or forever if absent',
      }),
    ),
  },
  Closed,
)

/** Logging in. */
export const LoginCode = Type.Object(
  {
    code: Type.String({ description: 'Valid for one login: append `#login=<code>` to the server’s URL' }),
    expiresAt: Timestamp,
  },
  { $id: 'LoginCode' },
)
export type LoginCode = Static<typeof LoginCode>
export const LoginBody = Type.Object(
  { code: Type.String({ minLength: 1, maxLength: 128 }) },
  { ...Closed, $id: 'Login' },
)
export type LoginBody = Static<typeof LoginBody>
export const LoginToken = Type.Object({ token: Type.String(), expiresAt: Timestamp })
export type LoginToken = Static<typeof LoginToken>

/** `POST /tasks`. */
export const CreateTaskBody = Type.Object(
  { ...taskFields, taskId: Type.Optional(Id), title: Title, status: Type.Optional(TaskStatus) },
  { ...Closed, $id: 'CreateTask' },
)
export type CreateTaskBody = Static<typeof CreateTaskBody>
/** `PUT /tasks/:taskId`: absent fields are reset to their defaults. */
export const ReplaceTaskBody = Type.Object({ ...taskFields, title: Title, status: Type.Optional(TaskStatus) }, Closed)
export type ReplaceTaskBody = Static<typeof ReplaceTaskBody>
/** `PATCH /tasks/:taskId`: absent fields are unchanged. */
export const EditTaskBody = Type.Object(
  { ...taskFields, status: Type.Optional(TaskStatus) },
  { ...Closed, minProperties: 1 },
)
export type EditTaskBody = Static<typeof EditTaskBody>
/** `POST /tasks/:taskId/{start,pause,complete,fail,cancel}`. */
export const TaskActionBody = Type.Object(Type.Omit(TaskFields, ['parentTaskId', 'agentId']).properties, Closed)
/** An action needs no body. */
export const OptionalTaskActionBody = Type.Union([TaskActionBody, Type.Null()])
/** `GET /tasks` and exports; `status` may list several values, separated by commas. */
export const taskFilters = {
  status: Type.Optional(Type.String({ maxLength: 256 })),
  agentId: Type.Optional(Id),
  parentTaskId: Type.Optional(Id),
  createdAfter: Type.Optional(Timestamp),
}
export const ListTasksQuery = Type.Object({ ...PageQuery, ...taskFilters }, Closed)
export const ExportTasksQuery = Type.Object(taskFilters, Closed)
export const TaskPage = PageOf(Task)
export const exportFormats = ['json', 'csv', 'md'] as const
export type ExportFormat = (typeof exportFormats)[number]

/** `GET /interactions`; `state` may list several values, separated by commas. */
export const ListInteractionsQuery = Type.Object(
  { ...PageQuery, state: Type.Optional(Type.String({ maxLength: 256 })), agentId: Type.Optional(Id) },
  Closed,
)
export const InteractionPage = PageOf(Interaction)
/** `GET /sessions`; `status` may list several values, separated by commas. */
export const ListSessionsQuery = Type.Object(
  { ...PageQuery, status: Type.Optional(Type.String({ maxLength: 256 })), agentId: Type.Optional(Id) },
  Closed,
)
export const SessionPage = PageOf(Session)
/** `GET /sessions/:sessionId/messages` */
export const TranscriptQuery = Type.Object({ limit: PageQuery.limit, cursor: Type.Optional(Cursor) }, Closed)
export const TranscriptPage = PageOf(TranscriptItem)

/** Interactions. */
export const RespondBody = Type.Composite(
  [InteractionAnswer, Type.Object({ digest: Type.Optional(Type.String({ maxLength: 256 })) })],
  Closed,
)
export type RespondBody = Static<typeof RespondBody>
export const BulkRespondBody = Type.Composite(
  [Type.Object({ interactionIds: Type.Array(Id, { minItems: 1, maxItems: 500 }) }), InteractionAnswer],
  Closed,
)
export type BulkRespondBody = Static<typeof BulkRespondBody>
export const BulkRespondResult = Type.Object({
  results: Type.Array(Type.Object({ interactionId: Id, ok: Type.Boolean(), error: Type.Optional(WireError) })),
})

/** `POST /events`: one event, or an array of up to 500. */
export const PublishEvent = Type.Object(
  {
    topic: Type.String({ maxLength: 512 }),
    type: Type.String({ pattern: '^custom:[A-Za-z0-9._-]{1,64}$' }),
    payload: Json,
  },
  Closed,
)
export type PublishEvent = Static<typeof PublishEvent>
export const PublishBody = Type.Union([PublishEvent, Type.Array(PublishEvent, { minItems: 1, maxItems: 500 })])
export const Published = Type.Object({ cursor: Cursor })

const Topics = Type.Optional(
  Type.String({
    maxLength: 8192,
    description: 'Patterns, separated by commas; default: everything that the token may see',
  }),
)
/** `GET /events`. */
export const HistoryQuery = Type.Object(
  {
    topics: Topics,
    after: Type.Optional(Type.String({ maxLength: 64, description: 'Events after this cursor, oldest first' })),
    before: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'Events before this cursor, newest first; with neither: from the newest',
      }),
    ),
    limit: Type.Optional(Limit),
  },
  Closed,
)
export const EventPage = Type.Composite([
  PageOf(EventFrame),
  Type.Object({ cursor: Type.String({ description: 'The log was read up to here, even if nothing matched' }) }),
])
/** `GET /events/stream`. */
export const StreamQuery = Type.Object(
  {
    topics: Topics,
    snapshot: Type.Optional(Type.Boolean({ default: true, description: 'Start with the matching records' })),
  },
  Closed,
)

/** Present in lists collected from all nodes of a cluster; absent without a cluster. */
const NodesHeard = Type.Optional(
  Type.Object(
    { asked: Type.Integer(), answered: Type.Integer() },
    {
      description:
        'How many nodes of the cluster were asked, and how many answered in time: the data of the others is missing',
    },
  ),
)
export const ConnectionInfo = Type.Object(
  {
    connectionId: Id,
    kind: OneOf(['dashboard', 'agent', 'stream']),
    sub: Type.String(),
    role: Role,
    address: Type.String(),
    openedAt: Timestamp,
    bufferedBytes: Type.Integer({ description: 'Bytes waiting to be sent to it' }),
    node: Type.Optional(Type.String({ description: 'The cluster node that it is connected to' })),
  },
  { $id: 'Connection' },
)
export type ConnectionInfo = Static<typeof ConnectionInfo>
export const ConnectionPage = Type.Object({ ...PageOf(ConnectionInfo).properties, nodes: NodesHeard })
/** `GET /connections`. */
export const ListConnectionsQuery = Type.Object(
  { ...PageQuery, cursor: Type.Optional(Id), sub: Type.Optional(Subject) },
  Closed,
)
const Counts = Type.Record(Type.String(), Type.Integer())
/** `GET /websocket/status`. */
export const WebsocketStatus = Type.Object({
  connections: Type.Integer(),
  dashboards: Type.Integer(),
  agents: Type.Integer(),
  streams: Type.Integer(),
  byRole: Counts,
  bufferedBytes: Type.Integer(),
  opened: Type.Integer(),
  closedByCode: Counts,
  subscribers: Type.Integer(),
  deliveredEvents: Type.Integer(),
  compressedEvents: Type.Integer(),
  resumes: Counts,
  nodes: NodesHeard,
})
export type WebsocketStatus = Static<typeof WebsocketStatus>

/** `/health`, `/ready`. */
export const Health = Type.Object({ status: Type.Literal('ok'), version: Type.String(), uptimeMs: Type.Integer() })
export const Ready = Type.Object({
  ready: Type.Boolean(),
  store: Type.String(),
  cluster: Type.Optional(
    Type.Object({
      node: Type.String(),
      role: Type.Union([Type.Literal('active'), Type.Literal('standby')]),
      active: Type.Union([Type.String(), Type.Null()]),
      members: Type.Integer(),
      lagMs: Type.Integer(),
      durability: Type.Union([Type.Literal('fsync'), Type.Literal('replicated'), Type.Literal('unknown')]),
    }),
  ),
})

// URL and header parameters, by resource.
export const AgentParams = Type.Object({ agentId: Id })
export const CommandParams = Type.Object({ commandId: Id })
export const BatchParams = Type.Object({ parentId: Id })
export const SessionParams = Type.Object({ sessionId: Id })
export const InteractionParams = Type.Object({ interactionId: Id })
export const ConnectionParams = Type.Object({ connectionId: Id })
export const TokenParams = Type.Object({ jti: Jti })
/** A subject may be any text, so callers must escape it: `auth0%7C66f`. */
export const SubjectParams = Type.Object({ sub: Subject })
export const TaskParams = Type.Object({ taskId: Id })
export const TaskActionParams = Type.Object({ taskId: Id, action: OneOf(taskActions) })
const Format = OneOf(exportFormats)
export const ExportTasksParams = Type.Object({ format: Format })
export const ExportTaskParams = Type.Object({ taskId: Id, format: Format })
export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
})
export const ResumeHeaders = Type.Object({ 'last-event-id': Type.Optional(Type.String({ maxLength: 64 })) })

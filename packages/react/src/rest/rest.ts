import { httpUrl } from '@fleetwire/client'
import type {
  Agent,
  AgentUsage,
  Batch,
  BatchAccepted,
  BatchBody,
  BulkRespondBody,
  BulkRespondResult,
  Command,
  ConnectionPage,
  CreateTaskBody,
  EditCommandBody,
  EventFrame,
  ExportFormat,
  ExportTasksQuery,
  HistoryQuery,
  Interaction,
  InterruptResult,
  ListAgentsQuery,
  ListCommandsQuery,
  ListConnectionsQuery,
  ListInteractionsQuery,
  ListSessionsQuery,
  ListTasksQuery,
  ListTokensQuery,
  LoginCode,
  MintedToken,
  MintTokenBody,
  RespondBody,
  Session,
  SubmitCommandBody,
  Task,
  TaskAction,
  TaskActionBody,
  TaskFields,
  TokenPage,
  TranscriptItem,
  TranscriptQuery,
  WebsocketStatus,
} from '@fleetwire/protocol'
import { download, type Fetch, type RestResult, request } from './request.ts'

/** One page of a list; `nextCursor` is null on the last page. */
export interface Page<T> {
  items: T[]
  nextCursor: string | null
}
/** `status` and `state` accept a list of values. */
type Query<S extends { static: unknown }> = Omit<S['static'], 'status' | 'state'> & Several<S['static']>
type Several<Q> = {
  [K in Extract<keyof Q, 'status' | 'state'>]?: string | readonly string[]
}
type Of<S extends { static: unknown }> = S['static']

export type CommandListQuery = Query<typeof ListCommandsQuery>
export type TaskListQuery = Query<typeof ListTasksQuery>
export type SessionListQuery = Query<typeof ListSessionsQuery>
export type EventPage = Page<Of<typeof EventFrame>> & { cursor: string }

export interface RestOptions {
  /** The server's address, including its path prefix if it has one. */
  url: string
  /** A token, or a function that returns one for each request. */
  token: string | (() => string | Promise<string>)
}

export type Rest = ReturnType<typeof createRest>

/** The REST interface, for data that is not live: history, exports, tokens. Never rejects: refusals are values. */
export function createRest(source: RestOptions | { fetch: Fetch }) {
  const fetch = 'fetch' in source ? source.fetch : fetchOf(source)
  const get = <T>(path: string, query?: object) => request<T>(fetch, path, { query })
  const send = <T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, headers = {}) =>
    request<T>(fetch, path, { method, body, headers })
  const of = encodeURIComponent

  return {
    /** Any other path under `/api/v1`. */
    request: <T>(path: string, options?: Parameters<typeof request>[2]) => request<T>(fetch, path, options),
    agents: {
      list: (query?: Query<typeof ListAgentsQuery>) => get<Page<Agent>>('/agents', query),
      get: (agentId: string) => get<Agent>(`/agents/${of(agentId)}`),
      usage: (agentId: string) => get<AgentUsage>(`/agents/${of(agentId)}/usage`),
      remove: (agentId: string) => send<void>('DELETE', `/agents/${of(agentId)}`),
      disconnect: (agentId: string) => send<{ affected: boolean }>('POST', `/agents/${of(agentId)}/disconnect`),
      /** The screen and its scrollback. */
      terminal: (agentId: string, query: { format?: 'text' | 'ansi' | 'cast'; terminalId?: string } = {}) =>
        download(fetch, `/agents/${of(agentId)}/terminal`, { query }),
    },
    commands: {
      list: (query?: CommandListQuery) => get<Page<Command>>('/commands', query),
      get: (commandId: string) => get<Command>(`/commands/${of(commandId)}`),
      submit: (agentId: string, body: SubmitCommandBody) =>
        send<Command>('POST', `/agents/${of(agentId)}/commands`, body),
      edit: (commandId: string, body: EditCommandBody) => send<Command>('PATCH', `/commands/${of(commandId)}`, body),
      /** Only possible while the command is queued. */
      drop: (commandId: string) => send<void>('DELETE', `/commands/${of(commandId)}`),
      interrupt: (commandId: string, reason?: string) =>
        send<InterruptResult>('POST', `/commands/${of(commandId)}/interrupt`, reason === undefined ? {} : { reason }),
      retry: (commandId: string) => send<Command>('POST', `/commands/${of(commandId)}/retry`),
    },
    batches: {
      submit: (body: BatchBody) => send<Of<typeof BatchAccepted>>('POST', '/commands', body),
      get: (parentId: string) => get<Batch>(`/batches/${of(parentId)}`),
      stop: (parentId: string) => send<Batch>('POST', `/batches/${of(parentId)}/stop`),
    },
    tasks: {
      list: (query?: TaskListQuery) => get<Page<Task>>('/tasks', query),
      get: (taskId: string) => get<Task>(`/tasks/${of(taskId)}`),
      create: (body: Of<typeof CreateTaskBody>) => send<Task>('POST', '/tasks', body),
      change: (taskId: string, body: Partial<TaskFields>) => send<Task>('PATCH', `/tasks/${of(taskId)}`, body),
      remove: (taskId: string) => send<void>('DELETE', `/tasks/${of(taskId)}`),
      act: (taskId: string, action: TaskAction, body: Of<typeof TaskActionBody> = {}) =>
        send<Task>('POST', `/tasks/${of(taskId)}/${action}`, body),
      /** A file of the matching tasks; `exportOne`: of one task with its history. */
      export: (format: ExportFormat, query: Query<typeof ExportTasksQuery> = {}) =>
        download(fetch, `/tasks/export/${format}`, { query }),
      exportOne: (taskId: string, format: ExportFormat) => download(fetch, `/tasks/${of(taskId)}/export/${format}`),
    },
    sessions: {
      list: (query?: SessionListQuery) => get<Page<Session>>('/sessions', query),
      get: (sessionId: string) => get<Session>(`/sessions/${of(sessionId)}`),
      /** Starts with the oldest item. */
      messages: (sessionId: string, query?: Of<typeof TranscriptQuery>) =>
        get<Page<TranscriptItem>>(`/sessions/${of(sessionId)}/messages`, query),
    },
    interactions: {
      list: (query?: Query<typeof ListInteractionsQuery>) => get<Page<Interaction>>('/interactions', query),
      get: (interactionId: string) => get<Interaction>(`/interactions/${of(interactionId)}`),
      respond: (interactionId: string, body: RespondBody) =>
        send<Interaction>('POST', `/interactions/${of(interactionId)}/respond`, body),
      respondMany: (body: BulkRespondBody) => send<Of<typeof BulkRespondResult>>('POST', '/interactions/respond', body),
    },
    events: {
      /** `after`: oldest first; `before`, or neither: newest first. */
      list: (query: Omit<Of<typeof HistoryQuery>, 'topics'> & { topics?: string | readonly string[] } = {}) =>
        get<EventPage>('/events', query),
    },
    connections: {
      list: (query?: Of<typeof ListConnectionsQuery>) => get<Of<typeof ConnectionPage>>('/connections', query),
      close: (connectionId: string) => send<void>('DELETE', `/connections/${of(connectionId)}`),
      status: () => get<Of<typeof WebsocketStatus>>('/websocket/status'),
    },
    tokens: {
      list: (query?: Of<typeof ListTokensQuery>) => get<Of<typeof TokenPage>>('/tokens', query),
      mint: (body: MintTokenBody) => send<MintedToken>('POST', '/tokens', body),
      revoke: (jti: string) => send<void>('DELETE', `/tokens/${of(jti)}`),
      /** Revokes every token issued to the subject so far. */
      revokeAll: (sub: string) => send<void>('DELETE', `/subjects/${of(sub)}/tokens`),
    },
    login: {
      code: () => send<LoginCode>('POST', '/login/codes', {}),
    },
  }
}

/** Exchanges a login code for a token; the only request that needs no token. */
export function login(url: string, code: string): Promise<RestResult<{ token: string; expiresAt: number }>> {
  return request((path, init) => fetch(httpUrl(url) + path, init), '/login', { method: 'POST', body: { code } })
}

const fetchOf =
  ({ url, token }: RestOptions): Fetch =>
  async (path, init = {}) => {
    const headers = new Headers(init.headers)
    const known = typeof token === 'string' ? token : await token()
    if (known !== '') headers.set('authorization', `Bearer ${known}`)
    return fetch(httpUrl(url) + path, { ...init, headers })
  }

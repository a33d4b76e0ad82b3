import type { Command, Interaction, Session, Task } from '@fleetwire/protocol'
import type { IndexRules } from './index-view.ts'

export interface CommandQuery {
  agentId?: string
  taskId?: string
  sessionId?: string
  parentId?: string
  kind?: string
  status?: Command['status'] | readonly Command['status'][]
  /** `queue`: in the order in which they will run. Default: newest first. */
  order?: 'newest' | 'queue'
}

export interface TaskQuery {
  agentId?: string
  /** Null: only tasks without a parent. */
  parentTaskId?: string | null
  status?: Task['status'] | readonly Task['status'][]
}

export interface InteractionQuery {
  agentId?: string
  commandId?: string
  sessionId?: string
}

export interface SessionQuery {
  agentId: string
  status?: Session['status'] | readonly Session['status'][]
}

type Ids = readonly string[]
/** Compared element by element. */
type Place = readonly (string | number)[]

const isOneOf = <T>(value: T, wanted: T | readonly T[] | undefined): boolean =>
  wanted === undefined || wanted === value || (Array.isArray(wanted) && wanted.includes(value))

function rules<T>(matches: (record: T) => boolean, place: (record: T) => Place): IndexRules<T, Place, Ids> {
  return {
    place: record => (matches(record) ? place(record) : undefined),
    isSame: (a, b) => a === b || (a !== undefined && b !== undefined && compare(a, b) === 0),
    result: places => [...places].sort((a, b) => compare(a[1], b[1])).map(([id]) => id),
    equal: (a, b) => a.length === b.length && a.every((id, i) => id === b[i]),
  }
}

function compare(a: Place, b: Place): number {
  for (let i = 0; i < a.length; i++) {
    if (a[i]! < b[i]!) return -1
    if (a[i]! > b[i]!) return 1
  }
  return 0
}

/** The same order as the protocol's `compareQueued`, which the server uses. */
const queuePlace = ({ runNextAt = 0, priority, whenBusy, commandId }: Command): Place => [
  ...[-runNextAt, -priority, whenBusy === 'interrupt' ? 0 : 1],
  commandId,
]

export const commandRules = (query: CommandQuery) =>
  rules<Command>(
    command =>
      isOneOf(command.agentId, query.agentId) &&
      isOneOf(command.taskId, query.taskId) &&
      isOneOf(command.sessionId, query.sessionId) &&
      isOneOf(command.parentId, query.parentId) &&
      isOneOf(command.kind, query.kind) &&
      isOneOf(command.status, query.status),
    command => (query.order === 'queue' ? queuePlace(command) : [-command.createdAt, command.commandId]),
  )

export const taskRules = (query: TaskQuery) =>
  rules<Task>(
    task =>
      isOneOf(task.agentId, query.agentId) &&
      (query.parentTaskId === null
        ? task.parentTaskId === undefined
        : isOneOf(task.parentTaskId, query.parentTaskId)) &&
      isOneOf(task.status, query.status),
    ({ taskId, createdAt }) => [-createdAt, taskId],
  )

const risks: readonly Interaction['risk'][] = ['high', 'unknown', 'medium', 'low']

/** The riskiest first, then the longest waiting. */
export const interactionRules = (query: InteractionQuery) =>
  rules<Interaction>(
    interaction =>
      interaction.state === 'open' &&
      isOneOf(interaction.agentId, query.agentId) &&
      isOneOf(interaction.commandId, query.commandId) &&
      isOneOf(interaction.sessionId, query.sessionId),
    ({ interactionId, risk, createdAt = 0 }) => [risks.indexOf(risk), createdAt, interactionId],
  )

export const sessionRules = (query: SessionQuery) =>
  rules<Session>(
    session => session.agentId === query.agentId && isOneOf(session.status, query.status),
    ({ sessionId, startedAt }) => [-startedAt, sessionId],
  )

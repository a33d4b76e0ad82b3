import type { Agent, AgentSummary, Command, Interaction, Session, Task } from '@fleetwire/protocol'
import { settledStatuses } from '@fleetwire/protocol'

/** The records that hooks read. */
export interface Records {
  agent: Agent
  summary: AgentSummary
  command: Command
  interaction: Interaction
  session: Session
  task: Task
}
export type RecordKindName = keyof Records

export interface RecordKind<T> {
  readonly name: RecordKindName
  idOf(record: T): string
  /** Whether an event of this type carries such a record. */
  carries(type: string): boolean
  /** Whether an event of this type removes the record. */
  removes(type: string): boolean
  /** Whether the record will not change any more. */
  isSettled(record: T): boolean
}

const never = () => false
const settled = (record: { status: string }) => settledStatuses.has(record.status)
const noTypes: readonly string[] = []
const by =
  (prefix: string, not = noTypes) =>
  (type: string) =>
    type.startsWith(prefix) && !not.includes(type)

export const kinds: { readonly [K in RecordKindName]: RecordKind<Records[K]> } = {
  agent: {
    name: 'agent',
    idOf: ({ agentId }) => agentId,
    carries: type => type === 'agent:status',
    removes: type => type === 'agent:removed',
    isSettled: never,
  },
  summary: {
    name: 'summary',
    idOf: ({ agentId }) => agentId,
    carries: type => type === 'agent:summary',
    removes: never,
    isSettled: never,
  },
  command: {
    name: 'command',
    idOf: ({ commandId }) => commandId,
    carries: by('command:'),
    removes: never,
    isSettled: settled,
  },
  interaction: {
    name: 'interaction',
    idOf: ({ interactionId }) => interactionId,
    carries: by('interaction:'),
    removes: never,
    isSettled: ({ state }) => state !== 'open',
  },
  session: {
    name: 'session',
    idOf: ({ sessionId }) => sessionId,
    carries: by('session:'),
    removes: never,
    isSettled: settled,
  },
  task: {
    name: 'task',
    idOf: ({ taskId }) => taskId,
    carries: by('task:', ['task:deleted']),
    removes: type => type === 'task:deleted',
    isSettled: settled,
  },
}

/** The patterns that deliver the records: all rows share the broad ones. */
export const patterns = {
  agents: 'agents.*.status',
  summaries: 'agents.*.summary',
  commands: (agentId = '*') => `agents.${agentId}.commands.*`,
  command: (commandId: string) => `agents.*.commands.${commandId}`,
  interactions: (agentId = '*') => `agents.${agentId}.interactions.*`,
  interaction: (interactionId: string) => `agents.*.interactions.${interactionId}`,
  tasks: 'tasks.*.status',
  task: (taskId: string) => `tasks.${taskId}.status`,
  sessions: (agentId = '*') => `agents.${agentId}.sessions.*.status`,
  session: (sessionId: string) => `agents.*.sessions.${sessionId}.>`,
  sessionStatus: (sessionId: string) => `agents.*.sessions.${sessionId}.status`,
  metrics: (agentId: string) => `agents.${agentId}.metrics`,
}

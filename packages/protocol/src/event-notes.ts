import type { EventType } from './events.ts'
import type { topics } from './topic.ts'

/** The cause of an event: a frame of an agent, a request of a client (a person or a backend), or the server itself. */
export type Producer = 'agent' | 'client' | 'server'

export interface EventNote {
  /** The kind of topic on which the event appears. */
  topic: keyof typeof topics
  by: readonly Producer[]
  says: string
}

/** The topics on which backends may publish `custom:<name>` events. */
export const customTopics: readonly (keyof typeof topics)[] = ['agentLog', 'taskEvents', 'userInbox']

/** The topic, producers and meaning of each event, for documents generated from the schemas. */
export const eventNotes = {
  'agent:status': { topic: 'agentStatus', by: ['agent', 'server'], says: 'The agent, its link and its work.' },
  'agent:lifecycle': { topic: 'agentLog', by: ['agent', 'server'], says: 'The agent started, stopped or crashed.' },
  'agent:metrics': { topic: 'agentMetrics', by: ['agent'], says: 'Metrics that the agent chose to report.' },
  'agent:summary': {
    topic: 'agentSummary',
    by: ['server'],
    says: 'The data for the agent’s card, at most once per second. In snapshots, but not in the history.',
  },
  'agent:error': {
    topic: 'agentLog',
    by: ['agent', 'server'],
    says: 'Something went wrong in the agent, or a report was stale.',
  },
  'agent:removed': { topic: 'agentStatus', by: ['client'], says: 'The agent and its record were removed.' },
  'command:queued': {
    topic: 'command',
    by: ['client', 'agent', 'server'],
    says: 'The command is queued: new, edited or requeued.',
  },
  'command:dispatched': { topic: 'command', by: ['server'], says: 'The command was sent to its agent.' },
  'command:running': { topic: 'command', by: ['agent'], says: 'The agent accepted the command and is running it.' },
  'command:progress': {
    topic: 'command',
    by: ['agent', 'server'],
    says: 'Something other than the status changed: progress, phase, a late result.',
  },
  'command:cancelling': {
    topic: 'command',
    by: ['client', 'server'],
    says: 'The agent was asked to stop the command.',
  },
  'command:succeeded': { topic: 'command', by: ['agent'], says: 'The command succeeded.' },
  'command:failed': {
    topic: 'command',
    by: ['agent', 'server'],
    says: 'The command failed, or could not be delivered.',
  },
  'command:cancelled': {
    topic: 'command',
    by: ['client', 'agent', 'server'],
    says: 'The command was stopped, or never ran.',
  },
  'command:timed_out': { topic: 'command', by: ['agent', 'server'], says: 'The command exceeded its run timeout.' },
  'command:expired': { topic: 'command', by: ['server'], says: 'The command exceeded its queue TTL.' },
  'command:rejected': { topic: 'command', by: ['agent'], says: 'The agent refused the command.' },
  'command:lost': { topic: 'command', by: ['server'], says: 'The agent disconnected and did not come back in time.' },
  'session:started': { topic: 'sessionStatus', by: ['agent'], says: 'A conversation began.' },
  'session:activity': { topic: 'sessionStatus', by: ['agent'], says: 'Something about a conversation changed.' },
  'session:typing': { topic: 'sessionStatus', by: ['agent', 'server'], says: 'The agent started or stopped writing.' },
  'session:ended': { topic: 'sessionStatus', by: ['agent', 'server'], says: 'A conversation ended.' },
  'message:start': { topic: 'sessionMessages', by: ['agent', 'server'], says: 'A message begins.' },
  'message:delta': { topic: 'sessionMessages', by: ['agent'], says: 'The next piece of a message.' },
  'message:end': {
    topic: 'sessionMessages',
    by: ['agent', 'server'],
    says: 'A message is complete, or was abandoned (`incomplete`).',
  },
  'tool:start': { topic: 'sessionMessages', by: ['agent'], says: 'A tool is called.' },
  'tool:args': { topic: 'sessionMessages', by: ['agent'], says: 'The next piece of a tool call’s arguments.' },
  'tool:end': { topic: 'sessionMessages', by: ['agent', 'server'], says: 'A tool call ended or was abandoned.' },
  'state:snapshot': { topic: 'sessionMessages', by: ['agent'], says: 'The whole state of a session.' },
  'state:patch': { topic: 'sessionMessages', by: ['agent'], says: 'A change to a session’s state (JSON Patch).' },
  'task:created': { topic: 'taskStatus', by: ['agent', 'client'], says: 'A task was created.' },
  'task:started': { topic: 'taskStatus', by: ['agent', 'client'], says: 'A task was started.' },
  'task:updated': { topic: 'taskStatus', by: ['agent', 'client'], says: 'Fields of a task changed.' },
  'task:progress': { topic: 'taskStatus', by: ['agent', 'client'], says: 'The progress of a task changed.' },
  'task:paused': { topic: 'taskStatus', by: ['agent', 'client'], says: 'A task was paused.' },
  'task:completed': { topic: 'taskStatus', by: ['agent', 'client'], says: 'A task was completed.' },
  'task:failed': { topic: 'taskStatus', by: ['agent', 'client'], says: 'A task failed.' },
  'task:cancelled': { topic: 'taskStatus', by: ['agent', 'client'], says: 'A task was cancelled.' },
  'task:deleted': { topic: 'taskStatus', by: ['client'], says: 'The task and its record were deleted.' },
  'interaction:requested': { topic: 'interaction', by: ['agent'], says: 'A person needs to make a decision.' },
  'interaction:resolved': {
    topic: 'interaction',
    by: ['client', 'agent', 'server'],
    says: 'It was answered, or the delivery of the answer progressed.',
  },
  'interaction:expired': {
    topic: 'interaction',
    by: ['server'],
    says: 'Nobody answered in time: the default applies.',
  },
  'interaction:cancelled': { topic: 'interaction', by: ['server'], says: 'The work that it was about ended.' },
  'usage:reported': { topic: 'agentLog', by: ['agent'], says: 'The tokens and cost of a request.' },
  'connection:opened': { topic: 'connections', by: ['server'], says: 'A socket or stream was opened.' },
  'connection:closed': { topic: 'connections', by: ['server'], says: 'A socket or stream was closed.' },
  'audit:recorded': {
    topic: 'audit',
    by: ['client', 'server'],
    says: 'Who did what: an interrupt, an answer, a change, a minted or revoked token, a closed connection.',
  },
  'notification:created': {
    topic: 'userInbox',
    by: ['server'],
    says: 'A notification for one user: their command has a question.',
  },
} satisfies Record<EventType, EventNote>

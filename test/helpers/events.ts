import type { EventDraft, EventLog, FleetEvent } from '../../src/log/event-log.ts'

/** An event of a stream that says `message`. */
export const said = (agentId: string, message: string): EventDraft => ({
  type: 'agent:error',
  topic: `agents.${agentId}.log`,
  payload: { agentId, message },
})

/** A change of a task's record, whose present state says `message`. */
export const taskSaid = (taskId: string, message: string): EventDraft => ({
  type: 'task:progress',
  topic: `tasks.${taskId}.status`,
  payload: {
    ...{ taskId, title: '', description: '', status: 'running', labels: {}, message },
    ...{ progress: 0, confidence: 0, createdAt: 0, updatedAt: 0 },
  },
  record: 'set',
})

/** Part of an answer in a session, which belongs to a task where one is named. */
export const answered = (agentId: string, delta: string, taskId?: string): EventDraft => ({
  type: 'message:delta',
  topic: `agents.${agentId}.sessions.s1.messages`,
  payload: { agentId, sessionId: 's1', messageId: 'm1', delta, ...(taskId !== undefined && { taskId }) },
  ...(taskId !== undefined && { taskId }),
})

/** Everything that the log keeps behind a cursor, as it stands on disk. */
export async function stored(log: EventLog, after: string, topics = ['>']): Promise<FleetEvent[]> {
  const events: FleetEvent[] = []
  for (let position = after; ; ) {
    const page = await log.read({ topics, after: position, limit: 500 })
    if (page.status === 'gone') throw new Error(`The log does not reach back: ${page.reason}`)
    events.push(...page.events)
    if (page.done) return events
    position = page.next
  }
}

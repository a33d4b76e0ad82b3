import type { EventDraft, EventLog, FleetEvent } from '../../src/log/event-log.ts'

/** A stream event that carries `message`. */
export const said = (agentId: string, message: string): EventDraft => ({
  type: 'agent:error',
  topic: `agents.${agentId}.log`,
  payload: { agentId, message },
})

/** A change of a task's record, whose current state carries `message`. */
export const taskSaid = (taskId: string, message: string): EventDraft => ({
  type: 'task:progress',
  topic: `tasks.${taskId}.status`,
  payload: {
    ...{ taskId, title: '', description: '', status: 'running', labels: {}, message },
    ...{ progress: 0, confidence: 0, createdAt: 0, updatedAt: 0 },
  },
  record: 'set',
})

/** A part of an answer in a session, which belongs to a task if one is given. */
export const answered = (agentId: string, delta: string, taskId?: string): EventDraft => ({
  type: 'message:delta',
  topic: `agents.${agentId}.sessions.s1.messages`,
  payload: { agentId, sessionId: 's1', messageId: 'm1', delta, ...(taskId !== undefined && { taskId }) },
  ...(taskId !== undefined && { taskId }),
})

/** All events that the log has stored after a cursor. */
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

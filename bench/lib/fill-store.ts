import { topics } from '@fleetwire/protocol'
import { systemClock } from '../../src/clock.ts'
import { draftOf } from '../../src/log/draft.ts'
import type { EventDraft, EventLog } from '../../src/log/event-log.ts'
import { openSqliteLog } from '../../src/log/sqlite-log.ts'
import { agentAt, commandAt, type FleetSize, taskAt } from './fleet.ts'

const DRAFTS_PER_APPEND = 500
const RETENTION_MS = 30 * 86_400_000

function* draftsOf(size: FleetSize): Generator<EventDraft> {
  for (let i = 0; i < size.agents; i++) {
    const agent = agentAt(i, size)
    yield draftOf('agent:status', topics.agentStatus(agent.agentId), agent, { record: 'set' })
  }
  for (let i = 0; i < size.tasks; i++) {
    const task = taskAt(i, size)
    const { taskId, endedAt } = task
    const keep = endedAt === undefined ? {} : { expiresAt: endedAt + RETENTION_MS }
    yield draftOf('task:created', topics.taskStatus(taskId), task, { record: 'set', taskId, ...keep })
  }
  for (let i = 0; i < size.commands; i++) {
    const command = commandAt(i, size)
    const { agentId, commandId, taskId, endedAt } = command
    yield draftOf(`command:${command.status}`, topics.command(agentId, commandId), command, {
      record: 'set',
      ...(taskId !== undefined && { taskId }),
      ...(endedAt !== undefined && { expiresAt: endedAt + RETENTION_MS }),
    })
  }
}

/** Writes the whole fleet the way the server does: appends that wait together share a write. */
export async function fillLog(log: EventLog, size: FleetSize): Promise<void> {
  const append = async (batch: EventDraft[]) => {
    const appended = await log.append(batch)
    if (appended.status !== 'ok') throw new Error(appended.status)
  }
  let before = Promise.resolve()
  let batch: EventDraft[] = []
  for (const draft of draftsOf(size)) {
    if (batch.push(draft) < DRAFTS_PER_APPEND) continue
    await before
    before = append(batch)
    batch = []
  }
  await before
  await append(batch)
}

/** Creates a store file with the whole fleet. */
export async function fillStore(dir: string, size: FleetSize): Promise<void> {
  const log = await openSqliteLog({ dir, clock: systemClock, retention: { count: 1e9, ms: 1e12 } })
  await fillLog(log, size)
  await log.close()
}

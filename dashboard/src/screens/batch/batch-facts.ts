import type { Batch, BatchBody, Command } from '@fleetwire/protocol'
import { endedBadly } from '../../model/agent-status.ts'
import { isOver } from '../../model/command-status.ts'
import { count, plural } from '../../model/format.ts'

/** The agents for which the command can be retried. */
export const failedAgents = ({ commands }: Batch): string[] => [
  ...new Set(
    commands.filter(({ status }) => endedBadly(status) || status === 'rejected').map(({ agentId }) => agentId),
  ),
]

/** The number of commands that have ended, in any way. */
export const doneCount = ({ commands }: Batch): number => commands.filter(({ status }) => isOver(status)).length

/** `All done`, `Stopped`, `42 of 60 done`. */
export function batchWord(batch: Batch): string {
  const done = `${count(doneCount(batch))} of ${count(batch.commands.length)} done`
  if (batch.status === 'ended') {
    if (batch.stopReason === 'failures') return 'Stopped after failures'
    return batch.stoppedAt === undefined ? 'All done' : 'Stopped'
  }
  return batch.status === 'stopping' ? `Stopping · ${done}` : done
}

/** The rules of the batch: `10 at once · stops after 3 failures`. */
export function batchRules({ maxParallel, stopOnFailures }: Batch): string {
  return [
    maxParallel === undefined ? 'all at once' : `${count(maxParallel)} at once`,
    stopOnFailures !== undefined && `stops after ${plural(stopOnFailures, 'failure')}`,
  ]
    .filter(Boolean)
    .join(' · ')
}

/** Retries the command at the agents where it did not succeed; `of` is one of the batch's commands. */
export function retryBody(batch: Batch, of: Command): BatchBody {
  const { kind, input, priority, whenBusy, queueTtlMs, runTimeoutMs, onLost, stdio } = of
  const { maxParallel, stopOnFailures } = batch
  return {
    selector: { ids: failedAgents(batch) },
    command: {
      ...{ kind, input, priority, whenBusy, queueTtlMs, runTimeoutMs, onLost },
      ...(stdio !== undefined && { stdio }),
    },
    ...(maxParallel !== undefined && { maxParallel }),
    ...(stopOnFailures !== undefined && { stopOnFailures }),
  }
}

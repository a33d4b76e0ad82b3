import type { Batch, Command } from '@fleetwire/protocol'
import { useAction, useBatch, useConnection, useFleetwireRest, useNow } from '@fleetwire/react'
import { toast } from '../../app/toasts.ts'
import { commandStatus } from '../../model/command-status.ts'
import { ago, count, plural } from '../../model/format.ts'
import { mayOperate } from '../../model/rights.ts'
import { Button } from '../../ui/button.tsx'
import { cx } from '../../ui/cx.ts'
import { ProgressBar } from '../../ui/progress-bar.tsx'
import { Loading, Problem, SkeletonLine } from '../../ui/states.tsx'
import { toneColour } from '../../ui/status.tsx'
import { BatchCell, StatusIcon } from './batch-cells.tsx'
import { batchRules, batchWord, doneCount, failedAgents, retryBody } from './batch-facts.ts'

export interface BatchPanelProps {
  parentId: string
  /** Called with the new batch that a retry creates. */
  onRetried(parentId: string): void
}

/** One command for many agents: its status at each of them, until all have ended. */
export function BatchPanel({ parentId, onRetried }: BatchPanelProps) {
  const live = useBatch(parentId)
  if (live.status === 'loading') {
    return (
      <Loading label="Loading the batch">
        <SkeletonLine className="my-4 w-1/2" />
      </Loading>
    )
  }
  if (live.status === 'error') return <Problem title="The batch could not be loaded." error={live.error} />
  return <BatchProgress batch={live.data} isStale={live.stale} onRetried={onRetried} />
}

/** More agents than this are shown as icons without names. */
const MAX_NAMED = 120

function BatchProgress({
  batch,
  isStale,
  onRetried,
}: {
  batch: Batch
  isStale: boolean
  onRetried(parentId: string): void
}) {
  const { commands, refused, createdAt, createdBy, kind } = batch
  const isSmall = commands.length > MAX_NAMED
  return (
    <section aria-label="Progress of the batch" className="flex flex-col gap-3" data-batch-id={batch.parentId}>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className={cx('min-w-0 flex-1', isStale && 'stale')}>
          <p className="font-semibold tabular-nums" role="status">
            {batchWord(batch)}
          </p>
          <p className="text-meta text-text3">
            {kind} · {batchRules(batch)} · by {createdBy}, <Ago at={createdAt} />
          </p>
        </div>
        <BatchActions batch={batch} onRetried={onRetried} />
      </div>
      <ProgressBar value={doneCount(batch) / commands.length} label="Commands that have ended" className="bg-hover" />
      <Counts counts={batch.counts} />
      <div
        className={cx(
          'grid gap-1.5',
          isSmall
            ? 'grid-cols-[repeat(auto-fill,28px)] pointer-coarse:grid-cols-[repeat(auto-fill,44px)]'
            : 'grid-cols-[repeat(auto-fill,minmax(132px,1fr))]',
          isStale && 'stale',
        )}
      >
        {commands.map(({ commandId, agentId, status }) => (
          <BatchCell key={commandId} commandId={commandId} agentId={agentId} status={status} isSmall={isSmall} />
        ))}
      </div>
      {refused.length > 0 && <Refused refused={refused} />}
    </section>
  )
}

function Ago({ at }: { at: number }) {
  return ago(useNow() - at)
}

function Counts({ counts }: { counts: Batch['counts'] }) {
  const some = Object.entries(counts).filter(([, value]) => value > 0) as [Command['status'], number][]
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1">
      {some.map(([status, value]) => {
        const { word, tone } = commandStatus({ status })
        return (
          <li key={status}>
            <span className={cx('inline-flex items-center gap-1.5 text-meta tabular-nums', toneColour[tone])}>
              <StatusIcon status={status} />
              {count(value)} {word.toLowerCase()}
            </span>
          </li>
        )
      })}
    </ul>
  )
}

function Refused({ refused }: { refused: Batch['refused'] }) {
  return (
    <details className="text-text2">
      <summary>{plural(refused.length, 'agent')} could not be given the command</summary>
      <ul className="mt-1 flex flex-col gap-1 pl-4">
        {refused.map(({ agentId, error }) => (
          <li key={agentId}>
            <span className="font-medium text-text">{agentId}</span>: {error.message}
          </li>
        ))}
      </ul>
    </details>
  )
}

function BatchActions({ batch, onRetried }: { batch: Batch; onRetried(parentId: string): void }) {
  const rest = useFleetwireRest()
  const { role } = useConnection()
  const stop = useAction(() => rest.batches.stop(batch.parentId))
  const retry = useAction(async () => {
    const of = await rest.commands.get(batch.commands[0]!.commandId)
    return of.ok ? rest.batches.submit(retryBody(batch, of.data)) : of
  })
  if (!mayOperate(role)) return null
  const failed = failedAgents(batch).length
  const error = stop.error ?? retry.error
  const runRetry = async () => {
    const result = await retry.run()
    if (!result.ok) return
    toast(`Sent again to ${plural(result.data.commands.length, 'agent')}`, { tone: 'ok' })
    onRetried(result.data.parentId)
  }
  return (
    <>
      {error !== undefined && (
        <p role="alert" className="text-meta text-bad">
          {error.message}
        </p>
      )}
      {failed > 0 && (
        <Button onClick={runRetry} disabled={retry.pending}>
          Retry {count(failed)} failed
        </Button>
      )}
      {batch.status !== 'ended' && (
        <Button
          look="danger-outline"
          onClick={() => void stop.run()}
          disabled={stop.pending || batch.status === 'stopping'}
        >
          {batch.status === 'stopping' ? 'Stopping…' : 'Stop all'}
        </Button>
      )}
    </>
  )
}

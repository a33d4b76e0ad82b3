import { useConnection, useFleetwire, useNow } from '@fleetwire/react'
import { cx } from '../ui/cx.ts'
import { connectionView } from './connection-view.ts'

/** Shows whether the data on the page is live. */
export function ConnectionIndicator({ compact = false }: { compact?: boolean }) {
  const connection = useConnection()
  const client = useFleetwire()
  const now = useNow()
  const { state, text, detail, canRetry } = connectionView(connection, now)
  return (
    <div
      role="status"
      aria-label="Connection"
      data-state={state}
      title={detail}
      className="flex min-h-9 items-center gap-1.5 px-2 text-meta text-text2"
    >
      <span
        aria-hidden
        className={cx(
          'size-2 shrink-0 rounded-full',
          state === 'online' && 'bg-ok',
          state === 'reconnecting' && 'bg-needs',
          (state === 'offline' || state === 'stopped') && 'bg-bad',
        )}
      />
      <span className={cx('truncate tabular-nums', compact && 'desktop:inline hidden')}>{text}</span>
      {canRetry ? (
        <button
          type="button"
          // A stopped client does not retry by itself and has to be started again.
          onClick={() => (state === 'stopped' ? client.connect() : client.reconnectNow())}
          className={cx(
            'ml-auto rounded-control py-0.5 font-medium whitespace-nowrap text-accent hover:bg-hover',
            compact && 'desktop:inline hidden',
          )}
        >
          Retry now
        </button>
      ) : (
        connection.rttMs !== undefined && (
          <span className={cx('ml-auto tabular-nums whitespace-nowrap', compact && 'desktop:inline hidden')}>
            {Math.round(connection.rttMs)} ms
          </span>
        )
      )}
    </div>
  )
}

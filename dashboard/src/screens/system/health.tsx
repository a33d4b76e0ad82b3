import { serverNow, useFleetwire, useFleetwireRest } from '@fleetwire/react'
import { useEffect, useRef, useState } from 'react'
import { bytes, count, elapsed, took } from '../../model/format.ts'
import { Problem } from '../../ui/states.tsx'
import { ToneMark } from '../../ui/status.tsx'
import { TableSkeleton } from '../../ui/table-skeleton.tsx'
import { perSecond, readSamples, type Samples, total } from './metrics-text.ts'
import { usePolled } from './use-polled.ts'

const EVERY_MS = 2000

/** Whether the server accepts and stores data, and how busy it is. */
export function Health() {
  const client = useFleetwire()
  const rest = useFleetwireRest()
  const ready = usePolled(async () => {
    const response = await client.fetch('/ready').catch(() => undefined)
    if (response === undefined) {
      return {
        ok: false as const,
        error: { code: 'offline' as const, message: 'The server is not responding.', retryable: true },
      }
    }
    return { ok: true as const, data: (await response.json()) as { ready?: boolean; store?: string; message?: string } }
  }, EVERY_MS)
  const sockets = usePolled(() => rest.connections.status(), EVERY_MS)
  const metrics = useMetrics()
  if (ready.data === undefined) {
    return ready.error === undefined ? (
      <TableSkeleton />
    ) : (
      <Problem
        title="The state of the server could not be loaded."
        error={ready.error}
        onRetry={() => void ready.refresh()}
      />
    )
  }
  const isReady = ready.data.ready === true && ready.error === undefined
  const { samples, rate } = metrics
  return (
    <div className="flex flex-col gap-6 overflow-auto p-5">
      <p className="flex flex-wrap items-center gap-3">
        <ToneMark tone={isReady ? 'ok' : 'bad'}>{isReady ? 'Ready' : 'Not ready'}</ToneMark>
        <span className="text-text2">
          {isReady
            ? 'Commands are accepted and stored.'
            : (ready.data.message ?? ready.error?.message ?? 'Commands are refused until it is back.')}
        </span>
      </p>
      <div className="grid grid-cols-2 gap-3 tablet:grid-cols-3 desktop:grid-cols-4">
        <Figure
          name="Store"
          value={ready.data.store === 'ok' ? 'Writing' : 'Refusing'}
          note={samples && storeNote(samples)}
        />
        <Figure name="Events stored" value={rate('fleetwire_log_events_total')} note="per second" />
        <Figure
          name="Events delivered"
          value={rate('fleetwire_events_delivered_total')}
          note="per second, to all subscribers"
        />
        <Figure name="Server lag" value={samples && lag(samples)} note="99 % of event loop turns are shorter" />
        <Figure name="Dashboards" value={sockets.data && count(sockets.data.dashboards)} note="connected" />
        <Figure name="Agents" value={sockets.data && count(sockets.data.agents)} note="connected" />
        <Figure
          name="Waiting to be sent"
          value={sockets.data && bytes(sockets.data.bufferedBytes)}
          note="for slow readers"
        />
        <Figure
          name="Memory"
          value={samples && bytes(total(samples, 'process_resident_memory_bytes'))}
          note={samples && uptime(samples)}
        />
      </div>
    </div>
  )
}

function Figure({ name, value, note }: { name: string; value: string | undefined; note?: string | undefined }) {
  return (
    <div className="flex flex-col gap-0.5 rounded-card border border-line bg-card px-4 py-3">
      <span className="text-meta text-text3">{name}</span>
      <span className="text-title font-semibold tabular-nums">{value ?? '–'}</span>
      {note !== undefined && <span className="text-meta text-text3">{note}</span>}
    </div>
  )
}

function storeNote(samples: Samples): string {
  const kept = samples.get('fleetwire_log_bytes{of="kept"}') ?? 0
  const limit = samples.get('fleetwire_log_bytes{of="limit"}') ?? 0
  return limit === 0 ? bytes(kept) : `${bytes(kept)} of ${bytes(limit)}`
}

const lag = (samples: Samples): string => took(total(samples, 'nodejs_eventloop_lag_p99_seconds') * 1000)

function uptime(samples: Samples): string {
  const startedAt = total(samples, 'process_start_time_seconds') * 1000
  return startedAt === 0 ? '' : `up ${elapsed(serverNow() - startedAt)}`
}

interface Look {
  at: number
  samples: Samples
}

function useMetrics(): { samples: Samples | undefined; rate(name: string): string | undefined } {
  const client = useFleetwire()
  const before = useRef<Look>(undefined)
  const [looks, setLooks] = useState<{ before: Look | undefined; now: Look }>()
  const { data, at } = usePolled(async () => {
    const response = await client.fetch('/metrics').catch(() => undefined)
    if (response?.ok) return { ok: true as const, data: readSamples(await response.text()) }
    return { ok: false as const, error: { code: 'offline' as const, message: 'No metrics.', retryable: true } }
  }, EVERY_MS)
  useEffect(() => {
    if (data === undefined) return
    const now = { at, samples: data }
    setLooks({ before: before.current, now })
    before.current = now
  }, [data, at])
  return {
    samples: looks?.now.samples,
    rate(name) {
      const value = looks === undefined ? undefined : perSecond(looks.before, looks.now, name)
      return value === undefined ? undefined : count(Math.round(value * 10) / 10)
    },
  }
}

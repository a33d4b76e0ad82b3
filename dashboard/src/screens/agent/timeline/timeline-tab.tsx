import { Link } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowUp } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { age, clockTime } from '../../../model/format.ts'
import { Button } from '../../../ui/button.tsx'
import { cx } from '../../../ui/cx.ts'
import { Empty, Loading, Problem, SkeletonLine } from '../../../ui/states.tsx'
import { ToneMark } from '../../../ui/status.tsx'
import { type Entry, type Row, rowsOf } from './entries.ts'
import { useTimeline } from './use-timeline.ts'

const ROW_PX = 32
const GAP_PX = 24
/** Scrolled down further than this, new entries are held back. */
const TOP_PX = 40

/** The events of the agent, newest first. New entries do not move the list while the user reads further down. */
export default function TimelineTab({ agentId }: { agentId: string }) {
  const { entries, hasOlder, isLoading, error, loadOlder } = useTimeline(agentId)
  const scroller = useRef<HTMLDivElement>(null)
  const [isAtTop, setIsAtTop] = useState(true)
  const newest = useRef<string>(undefined)
  if (isAtTop) newest.current = entries?.[0]?.cursor
  const from = isAtTop ? 0 : Math.max(0, entries?.findIndex(({ cursor }) => cursor === newest.current) ?? 0)
  const rows = useMemo(() => rowsOf(entries?.slice(from) ?? []), [entries, from])
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: index => (rows[index]!.kind === 'gap' ? GAP_PX : ROW_PX),
    getItemKey: index => rows[index]!.key,
    overscan: 12,
  })
  const shown = list.getVirtualItems()
  const isNearEnd = (shown.at(-1)?.index ?? 0) >= rows.length - 10
  useEffect(() => {
    if (entries !== undefined && isNearEnd && hasOlder && !isLoading && error === undefined) void loadOlder()
  }, [entries, isNearEnd, hasOlder, isLoading, error, loadOlder])

  if (entries === undefined && error !== undefined) {
    return <Problem title="The timeline could not be loaded." error={error} onRetry={() => void loadOlder()} />
  }
  if (entries === undefined) {
    return (
      <Loading label="Loading the timeline">
        <div className="flex flex-col gap-4 p-5">
          {['w-1/2', 'w-2/3', 'w-1/3', 'w-1/2'].map((width, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: they never change
            <SkeletonLine key={index} className={width} />
          ))}
        </div>
      </Loading>
    )
  }
  if (entries.length === 0) return <Empty title="Nothing has happened here yet." className="flex-1" />
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div
        ref={scroller}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
        tabIndex={0}
        role="log"
        aria-label="Timeline"
        aria-live="off"
        onScroll={event => setIsAtTop(event.currentTarget.scrollTop <= TOP_PX)}
        className="min-h-0 flex-1 overflow-auto px-5 py-2 outline-offset-[-2px] max-tablet:px-3"
      >
        <div className="relative w-full" style={{ height: list.getTotalSize() }}>
          {shown.map(({ key, index, start, size }) => (
            <div
              key={key}
              className="absolute inset-x-0 top-0"
              style={{ height: size, transform: `translateY(${start}px)` }}
            >
              <TimelineRow row={rows[index]!} agentId={agentId} />
            </div>
          ))}
        </div>
        <p className="py-3 text-center text-meta text-text3">
          {error !== undefined ? (
            <Button onClick={() => void loadOlder()}>Older events could not be loaded. Retry</Button>
          ) : isLoading ? (
            'Loading older events'
          ) : hasOlder ? (
            ''
          ) : (
            'No older events are kept.'
          )}
        </p>
      </div>
      {from > 0 && (
        <Button
          onClick={() => {
            setIsAtTop(true)
            scroller.current?.scrollTo({ top: 0 })
          }}
          icon={<ArrowUp size={14} aria-hidden />}
          className="absolute top-3 left-1/2 -translate-x-1/2 rounded-full! bg-selected! shadow-overlay"
        >
          {from} new
        </Button>
      )}
    </div>
  )
}

function TimelineRow({ row, agentId }: { row: Row; agentId: string }) {
  if (row.kind === 'gap') {
    return (
      <div className="flex h-full items-center gap-3 text-meta text-text3">
        <span className="w-20 shrink-0" />
        <span className="border-l border-dashed border-line pl-3">{age(row.ms)} without an event</span>
      </div>
    )
  }
  const { entry } = row
  return (
    <div className="flex h-full items-center gap-3">
      <time dateTime={new Date(entry.at).toISOString()} className="w-20 shrink-0 text-meta text-text3 tabular-nums">
        {clockTime(entry.at)}
      </time>
      <ToneMark tone={entry.tone} className="max-w-[60%] min-w-0 shrink-0 truncate">
        <span className="text-text">{entry.title}</span>
      </ToneMark>
      <Detail entry={entry} agentId={agentId} />
    </div>
  )
}

function Detail({ entry, agentId }: { entry: Entry; agentId: string }) {
  const { detail, mono, commandId, sessionId } = entry
  const looks = cx('min-w-0 flex-1 truncate text-text2', mono && 'font-mono text-code')
  if (commandId !== undefined) {
    return (
      <Link to="/commands/$commandId" params={{ commandId }} title={detail} className={cx(looks, 'hover:underline')}>
        {detail}
      </Link>
    )
  }
  if (sessionId !== undefined) {
    return (
      <Link
        to="/agents/$agentId"
        params={{ agentId }}
        search={{ tab: 'conversation', session: sessionId }}
        title={detail}
        className={cx(looks, 'hover:underline')}
      >
        {detail ?? 'Open the conversation'}
      </Link>
    )
  }
  return (
    <span title={detail} className={looks}>
      {detail}
    </span>
  )
}

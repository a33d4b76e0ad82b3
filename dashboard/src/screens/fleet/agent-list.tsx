import type { AgentSort } from '@fleetwire/react'
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { AgentCard } from './agent-card.tsx'
import { AgentRow } from './agent-row.tsx'
import { AgentTableHead } from './agent-table-head.tsx'
import { activate, useFleetSelection } from './fleet-selection.ts'
import { type ListGroup, type ListRow, listRows, type Move, moved, rowOf } from './list-rows.ts'
import { MovesPill } from './moves-pill.tsx'
import { SelectionBar } from './selection-bar.tsx'
import { TerminalPreview } from './terminal-preview.tsx'
import type { EngagedHandlers } from './use-engaged.ts'
import { useListKeys, useNextThatNeedsYou } from './use-list-keys.ts'
import { usePreview } from './use-preview.ts'

export interface AgentListProps {
  view: 'cards' | 'table'
  groups: readonly ListGroup[]
  ids: readonly string[]
  moves: number
  apply(): void
  sort: AgentSort | undefined
  onSort(sort: AgentSort | undefined): void
  engaged: EngagedHandlers
}

const CARD_MIN = 272
const GAP = 12
const HEIGHTS = { cards: { heading: 40, line: 116 + GAP }, table: { heading: 40, line: 36 } }

/** The scroll offset of each view, restored when the user comes back from an agent. */
const offsets = { cards: 0, table: 0 }

const arrows: Record<string, Move> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'previous',
  ArrowRight: 'next',
  Home: 'first',
  End: 'last',
  PageUp: 'page-up',
  PageDown: 'page-down',
}

/** The fleet as cards or as a table. Only visible rows and the row of the active agent are mounted. */
export function AgentList({ view, groups, ids, moves, apply, sort, onSort, engaged }: AgentListProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const columns = view === 'table' ? 1 : Math.max(1, Math.floor((width + GAP) / (CARD_MIN + GAP)))
  const rows = useMemo(() => listRows(groups, columns), [groups, columns])
  const activeId = useFleetSelection(state => state.activeId)
  const stop = activeId !== undefined && ids.includes(activeId) ? activeId : ids[0]
  const stopRow = stop === undefined ? -1 : rowOf(rows, stop)
  const heights = HEIGHTS[view]
  const virtualizer = useVirtualizer({
    count: width === 0 ? 0 : rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: index => heights[rows[index]!.type],
    getItemKey: index => rows[index]!.key,
    overscan: 3,
    paddingStart: view === 'table' ? 0 : 4,
    // The selection bar and the pill cover the end of the list.
    paddingEnd: 64,
    scrollPaddingStart: view === 'table' ? 44 : 12,
    scrollPaddingEnd: 72,
    rangeExtractor: range => {
      const shown = defaultRangeExtractor(range)
      return stopRow === -1 || shown.includes(stopRow) ? shown : [...shown, stopRow].sort((a, b) => a - b)
    },
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: heights depend on the view
  useEffect(() => virtualizer.measure(), [virtualizer, view])
  useEffect(() => {
    const element = scroller.current!
    const observer = new ResizeObserver(() => setWidth(element.clientWidth - (view === 'table' ? 0 : 40)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [view])

  const isLaidOut = width > 0
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each view, when there is something to scroll
  useEffect(() => {
    if (isLaidOut) virtualizer.scrollToOffset(offsets[view])
  }, [isLaidOut, view])

  const sortFromTop = (next: AgentSort | undefined) => {
    onSort(next)
    virtualizer.scrollToOffset(0)
  }
  const show = useCallback(
    (id: string | undefined) => {
      if (id === undefined) return
      activate(id)
      const row = rowOf(rows, id)
      if (row !== -1) virtualizer.scrollToIndex(row, { align: 'auto' })
      focusAgent(scroller.current!, id)
    },
    [rows, virtualizer],
  )
  const preview = usePreview()
  const attach = useCallback(
    (element: HTMLDivElement | null) => {
      scroller.current = element
      engaged.ref(element)
    },
    [engaged],
  )
  useListKeys({ rows, ids, stop, show, scroller })
  useNextThatNeedsYou(ids, activeId, show)
  const onKeyDown = (event: KeyboardEvent) => {
    const move = arrows[event.key]
    if (move === undefined || event.metaKey || event.ctrlKey || event.altKey) return
    if (!(event.target as HTMLElement).matches('a[data-agent-link]')) return
    event.preventDefault()
    show(moved(rows, stop, move))
  }
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <MovesPill moves={moves} apply={apply} />
      <SelectionBar ids={ids} />
      {preview.target !== undefined && <TerminalPreview key={preview.target.agentId} {...preview.target} />}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it only observes the pointer and the focus */}
      <div
        ref={attach}
        onPointerEnter={engaged.onPointerEnter}
        onPointerOver={preview.handlers.onPointerOver}
        onPointerLeave={() => {
          engaged.onPointerLeave()
          preview.handlers.onPointerLeave()
        }}
        onPointerDown={preview.handlers.hide}
        onFocus={event => {
          engaged.onFocus()
          preview.handlers.onFocus(event)
        }}
        onBlur={event => {
          engaged.onBlur(event)
          preview.handlers.onBlur()
        }}
        onScroll={event => {
          preview.handlers.hide()
          offsets[view] = event.currentTarget.scrollTop
        }}
        className="min-h-0 flex-1 overflow-auto"
      >
        <div
          role="grid"
          aria-label="Agents"
          aria-rowcount={rows.length + (view === 'table' ? 1 : 0)}
          aria-multiselectable
          tabIndex={-1}
          onKeyDown={onKeyDown}
        >
          {view === 'table' && <AgentTableHead sort={sort} onSort={sortFromTop} />}
          <div className="relative" role="rowgroup" style={{ height: virtualizer.getTotalSize() }}>
            {virtualizer.getVirtualItems().map(({ index, key, start }) => (
              <Line
                key={key}
                row={rows[index]!}
                index={index + (view === 'table' ? 2 : 1)}
                start={start}
                view={view}
                columns={columns}
                stop={stop}
              />
            ))}
          </div>
        </div>
      </div>
    </div>
  )
}

interface LineProps {
  row: ListRow
  /** 1-based. */
  index: number
  start: number
  view: 'cards' | 'table'
  columns: number
  stop: string | undefined
}

function Line({ row, index, start, view, columns, stop }: LineProps) {
  const place = { transform: `translateY(${start}px)` }
  if (row.type === 'heading') {
    return (
      <div role="row" aria-rowindex={index} style={place} className="absolute inset-x-5 top-0 flex h-10 items-center">
        <div role="rowheader" aria-colspan={columns}>
          <h2 className="flex items-baseline gap-2 font-semibold">
            {row.label}
            <span className="font-normal text-text3 tabular-nums">{row.count.toLocaleString('en')}</span>
          </h2>
        </div>
      </div>
    )
  }
  if (view === 'table') return <AgentRow id={row.ids[0]!} index={index} start={start} isStop={row.ids[0] === stop} />
  return (
    <div
      role="row"
      aria-rowindex={index}
      style={{ ...place, gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
      className="absolute inset-x-5 top-0 grid gap-3"
    >
      {row.ids.map(id => (
        <AgentCard key={id} id={id} isStop={id === stop} />
      ))}
    </div>
  )
}

/** How many frames to wait until an agent that is scrolled into view is mounted. */
const MAX_FRAMES = 10

function focusAgent(list: HTMLElement, id: string, frames = MAX_FRAMES): void {
  const link = list.querySelector<HTMLElement>(`[data-agent-id="${CSS.escape(id)}"] a[data-agent-link]`)
  if (link !== null) link.focus({ preventScroll: true })
  else if (frames > 0) requestAnimationFrame(() => focusAgent(list, id, frames - 1))
}

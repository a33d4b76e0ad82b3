import { useVirtualizer } from '@tanstack/react-virtual'
import { type ComponentProps, Fragment, type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import { cx } from './cx.ts'

export interface Column {
  key: string
  header: ReactNode
  /** A track of CSS grid: `120px`, `minmax(0,1fr)`. */
  width: string
  /** Hidden on narrow pages, where the row shows the value in another way or not at all. */
  wideOnly?: boolean
  align?: 'end'
}

export interface VirtualTableProps<T> {
  label: string
  columns: readonly Column[]
  rows: readonly T[]
  rowKey(row: T): string
  /** Returns a `TableRow` with these props and a `Cell` for each visible column. */
  renderRow(row: T, props: RowProps): ReactNode
  onOpen?(row: T): void
  /** Called when the end comes into view. */
  onEnd?(): void
  /** Below the last row: “Loading…”, an error with Retry. */
  foot?: ReactNode
  isNarrow: boolean
  rowHeight?: number
}

/**
 * A table of any length that mounts only the rows in view. One row takes the focus; J, K, arrows, Home and End move the
 * focus, Enter opens the row.
 */
export function VirtualTable<T>(props: VirtualTableProps<T>) {
  const { label, columns, rows, rowKey, renderRow, onOpen, onEnd, foot, isNarrow, rowHeight = 36 } = props
  const scroller = useRef<HTMLDivElement>(null)
  const [active, setActive] = useState(0)
  const height = isNarrow ? 56 : rowHeight
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
    getItemKey: index => rowKey(rows[index]!),
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new height requires measuring again
  useEffect(() => virtual.measure(), [virtual, height])
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? -1
  const isAtEnd = last >= rows.length - 1
  useEffect(() => {
    if (isAtEnd) onEnd?.()
  }, [isAtEnd, onEnd])

  const shown = columns.filter(column => !(isNarrow && column.wideOnly))
  const grid = { gridTemplateColumns: shown.map(({ width }) => width).join(' ') }
  const current = Math.min(active, rows.length - 1)

  const focus = (index: number) => {
    const to = Math.min(rows.length - 1, Math.max(0, index))
    setActive(to)
    virtual.scrollToIndex(to)
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-index="${to}"]`)?.focus())
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget && !(event.target as HTMLElement).matches('[role=row]')) return
    if (event.metaKey || event.ctrlKey || event.altKey) return
    const by: Record<string, number> = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 12, PageUp: -12 }
    if (by[event.key] !== undefined) focus(current + by[event.key]!)
    else if (event.key === 'Home') focus(0)
    else if (event.key === 'End') focus(rows.length - 1)
    else if (event.key === 'Enter' && rows[current] !== undefined) onOpen?.(rows[current])
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  return (
    <div
      ref={scroller}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      className="min-h-0 flex-1 overflow-auto"
      onKeyDown={onKeyDown}
    >
      <div role="rowgroup">
        <div
          role="row"
          aria-rowindex={1}
          style={grid}
          className={
            isNarrow
              ? 'sr-only'
              : 'sticky top-0 z-10 grid h-8 items-center gap-3 border-b border-line bg-page px-5 text-meta text-text3'
          }
        >
          {shown.map(column => (
            <span
              key={column.key}
              role="columnheader"
              className={cx('truncate', column.align === 'end' && 'text-right')}
            >
              {column.header}
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {items.map(item => {
          const row = rows[item.index]!
          return (
            <Fragment key={item.key}>
              {renderRow(row, {
                'aria-rowindex': item.index + 2,
                'data-index': item.index,
                tabIndex: item.index === current ? 0 : -1,
                onFocus: () => setActive(item.index),
                style: { ...grid, height, transform: `translateY(${item.start}px)` },
                ...(onOpen !== undefined && { onOpen: () => onOpen(row) }),
              })}
            </Fragment>
          )
        })}
      </div>
      {foot}
    </div>
  )
}

export interface RowProps extends ComponentProps<'div'> {
  'data-index': number
  onOpen?: () => void
}

export function TableRow({ onOpen, className, ...rest }: RowProps) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the table opens rows with Enter
    <div
      role="row"
      onClick={event => {
        if ((event.target as HTMLElement).closest('a, button, input, label') === null) onOpen?.()
      }}
      className={cx(
        'absolute inset-x-0 top-0 grid items-center gap-3 border-b border-line px-5 focus-visible:outline-offset-[-2px]',
        onOpen !== undefined && 'cursor-pointer hover:bg-hover',
        className,
      )}
      {...rest}
    />
  )
}

export function Cell({ align, className, ...rest }: ComponentProps<'div'> & { align?: 'end' }) {
  return (
    <div
      role="cell"
      className={cx('min-w-0 truncate', align === 'end' && 'text-right tabular-nums', className)}
      {...rest}
    />
  )
}

import type { AgentSort } from '@fleetwire/react'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { cx } from '../../ui/cx.ts'
import { tableColumns } from './table-columns.ts'

interface Column {
  label: string
  by?: AgentSort['by']
  className?: string
}

const columns: readonly Column[] = [
  { label: 'Agent', by: 'name' },
  { label: 'Status', by: 'status' },
  { label: 'Command', className: 'hidden tablet:block' },
  { label: 'Last line', className: 'hidden desktop:block' },
  { label: 'Time', className: 'hidden tablet:block' },
  { label: 'Queue', className: 'hidden text-right tablet:block' },
  { label: 'Cost', className: 'hidden text-right tablet:block' },
  { label: 'Seen', by: 'lastSeenAt', className: 'hidden text-right desktop:block' },
]

const DEFAULT: AgentSort = { by: 'status', direction: 'asc' }

export function AgentTableHead({
  sort = DEFAULT,
  onSort,
}: {
  sort: AgentSort | undefined
  onSort(sort: AgentSort | undefined): void
}) {
  const next = (by: AgentSort['by']): AgentSort => ({
    by,
    direction: sort.by === by && sort.direction !== 'desc' ? 'desc' : 'asc',
  })
  return (
    <div
      role="row"
      aria-rowindex={1}
      className={cx(
        'sticky top-0 z-10 h-9 items-center border-b border-line bg-page px-5 text-meta text-text3',
        tableColumns,
      )}
    >
      {columns.map(({ label, by, className }) => (
        <div
          key={label}
          role="columnheader"
          aria-sort={
            by === undefined
              ? undefined
              : sort.by !== by
                ? 'none'
                : sort.direction === 'desc'
                  ? 'descending'
                  : 'ascending'
          }
          className={className}
        >
          {by === undefined ? (
            label
          ) : (
            <button
              type="button"
              onClick={() => onSort(next(by))}
              className="-ml-1 inline-flex h-7 items-center gap-1 rounded-control px-1 hover:text-text"
            >
              {label}
              {sort.by === by &&
                (sort.direction === 'desc' ? <ArrowDown size={12} aria-hidden /> : <ArrowUp size={12} aria-hidden />)}
            </button>
          )}
        </div>
      ))}
    </div>
  )
}

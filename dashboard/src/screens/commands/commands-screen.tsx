import { useCommandPage } from '@fleetwire/react'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { AgentInput } from '../../ui/agent-input.tsx'
import { Button } from '../../ui/button.tsx'
import { FilterChip } from '../../ui/chip.tsx'
import { cx } from '../../ui/cx.ts'
import { ListFoot } from '../../ui/list-foot.tsx'
import { Page } from '../../ui/page.tsx'
import { Empty, Problem } from '../../ui/states.tsx'
import { TableSkeleton } from '../../ui/table-skeleton.tsx'
import { usePhone } from '../../ui/use-phone.ts'
import { type Column, VirtualTable } from '../../ui/virtual-table.tsx'
import { BatchPanel } from '../batch/batch-panel.tsx'
import { commandFilters, statusesOf } from './command-filters.ts'
import { CommandRow } from './command-row.tsx'

const columns: readonly Column[] = [
  { key: 'command', header: 'Command', width: 'minmax(0,1fr)' },
  { key: 'status', header: 'Status', width: '150px', wideOnly: true },
  { key: 'agent', header: 'Agent', width: '150px', wideOnly: true },
  { key: 'kind', header: 'Kind', width: '72px', wideOnly: true },
  { key: 'who', header: 'By', width: '110px', wideOnly: true },
  { key: 'when', header: 'When', width: '80px', wideOnly: true, align: 'end' },
  { key: 'took', header: 'Took', width: '72px', wideOnly: true, align: 'end' },
]

/** All commands, newest first: active ones live, ended ones page by page. */
export function CommandsScreen() {
  const search = useSearch({ from: '/commands' })
  const navigate = useNavigate({ from: '/commands' })
  const isPhone = usePhone()
  const { status, agent, kind, batch } = search
  const statuses = statusesOf(status)
  const list = useCommandPage({
    ...(statuses !== undefined && { status: statuses }),
    ...(agent !== undefined && { agentId: agent }),
    ...(kind !== undefined && { kind }),
    ...(batch !== undefined && { parentId: batch }),
  })
  const set = (change: Partial<typeof search>) =>
    void navigate({
      search: before => Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value)),
      replace: true,
    })
  const isFiltered = [status, agent, kind, batch].some(value => value !== undefined)
  return (
    <Page
      title="Commands"
      scrolls={false}
      filters={commandFilters.map(filter => (
        <FilterChip
          key={filter.value}
          pressed={filter.value === (status ?? '')}
          onClick={() => set({ status: filter.value })}
        >
          {filter.label}
        </FilterChip>
      ))}
      actions={
        <>
          {batch !== undefined && <Button onClick={() => set({ batch: '' })}>Batch {batch.slice(-6)} ×</Button>}
          <AgentInput value={agent ?? ''} onChange={value => set({ agent: value })} />
        </>
      }
    >
      {batch !== undefined && (
        <div className="max-h-[45%] shrink-0 overflow-auto border-b border-line px-5 py-3">
          <BatchPanel parentId={batch} onRetried={next => set({ batch: next })} />
        </div>
      )}
      {list.ids.status === 'error' ? (
        <Problem
          title="The commands could not be loaded."
          error={list.ids.error}
          onRetry={() => void list.loadMore()}
        />
      ) : list.ids.status === 'loading' || (list.ids.data.length === 0 && list.isLoading) ? (
        <TableSkeleton />
      ) : list.ids.data.length === 0 && list.error === undefined ? (
        <Empty title={isFiltered ? 'No command matches.' : 'No commands have been sent yet.'}>
          {isFiltered ? (
            <Button onClick={() => set({ status: '', agent: '', kind: '', batch: '' })}>Clear filter</Button>
          ) : (
            <p>Open an agent and send it one, or send one to many from the fleet.</p>
          )}
        </Empty>
      ) : (
        <div className={cx('flex min-h-0 flex-1 flex-col', list.ids.stale && 'stale')}>
          <VirtualTable
            label="Commands"
            columns={columns}
            rows={list.ids.data}
            rowKey={id => id}
            isNarrow={isPhone}
            renderRow={(id, props) => <CommandRow id={id} isNarrow={isPhone} {...props} />}
            onOpen={id => void navigate({ to: '/commands/$commandId', params: { commandId: id } })}
            onEnd={() => void list.loadMore()}
            foot={<ListFoot {...list} />}
          />
        </div>
      )}
    </Page>
  )
}

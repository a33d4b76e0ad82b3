import type { ExportFormat } from '@fleetwire/protocol'
import { useFleetwireRest, useTaskTree } from '@fleetwire/react'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { toast } from '../../app/toasts.ts'
import { AgentInput } from '../../ui/agent-input.tsx'
import { Button } from '../../ui/button.tsx'
import { FilterChip } from '../../ui/chip.tsx'
import { cx } from '../../ui/cx.ts'
import { ListFoot } from '../../ui/list-foot.tsx'
import { Menu } from '../../ui/menu.tsx'
import { Page } from '../../ui/page.tsx'
import { Empty, Problem } from '../../ui/states.tsx'
import { TableSkeleton } from '../../ui/table-skeleton.tsx'
import { usePhone } from '../../ui/use-phone.ts'
import { type Column, VirtualTable } from '../../ui/virtual-table.tsx'
import { saveFile } from './save-file.ts'
import { taskFilters, taskStatusesOf } from './task-filters.ts'
import { TaskRow } from './task-row.tsx'

const columns: readonly Column[] = [
  { key: 'title', header: 'Task', width: 'minmax(0,1fr)' },
  { key: 'status', header: 'Status', width: '110px', wideOnly: true },
  { key: 'progress', header: 'Progress', width: 'minmax(0,0.9fr)', wideOnly: true },
  { key: 'agent', header: 'Agent', width: '140px', wideOnly: true },
  { key: 'updated', header: 'Updated', width: '80px', wideOnly: true, align: 'end' },
]

const formats: readonly { format: ExportFormat; label: string }[] = [
  { format: 'csv', label: 'CSV, for spreadsheets' },
  { format: 'json', label: 'JSON, for programs' },
  { format: 'md', label: 'Markdown, for people' },
]

/** All tasks with their parts, and an export of the shown tasks. */
export function TasksScreen() {
  const { status, agent } = useSearch({ from: '/tasks' })
  const navigate = useNavigate({ from: '/tasks' })
  const isPhone = usePhone()
  const statuses = taskStatusesOf(status)
  const filter = {
    ...(statuses !== undefined && { status: statuses }),
    ...(agent !== undefined && { agentId: agent }),
  }
  const tree = useTaskTree(filter)
  const set = (change: { status?: string; agent?: string }) =>
    void navigate({
      search: before => Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value)),
      replace: true,
    })
  const isFiltered = status !== undefined || agent !== undefined
  return (
    <Page
      title="Tasks"
      scrolls={false}
      filters={taskFilters.map(({ value, label }) => (
        <FilterChip key={value} pressed={value === (status ?? '')} onClick={() => set({ status: value })}>
          {label}
        </FilterChip>
      ))}
      actions={
        <>
          <AgentInput value={agent ?? ''} onChange={value => set({ agent: value })} />
          <ExportMenu filter={filter} />
        </>
      }
    >
      {tree.rows.status === 'error' ? (
        <Problem title="The tasks could not be loaded." error={tree.rows.error} onRetry={() => void tree.loadMore()} />
      ) : tree.rows.status === 'loading' || (tree.rows.data.length === 0 && tree.isLoading) ? (
        <TableSkeleton />
      ) : tree.rows.data.length === 0 && tree.error === undefined ? (
        <Empty title={isFiltered ? 'No task matches.' : 'There are no tasks yet.'}>
          {isFiltered ? (
            <Button onClick={() => set({ status: '', agent: '' })}>Clear filter</Button>
          ) : (
            <p>Agents and backends create them to report the progress of longer work.</p>
          )}
        </Empty>
      ) : (
        <div className={cx('flex min-h-0 flex-1 flex-col', tree.rows.stale && 'stale')}>
          <VirtualTable
            label="Tasks"
            columns={columns}
            rows={tree.rows.data}
            rowKey={({ taskId }) => taskId}
            isNarrow={isPhone}
            renderRow={({ taskId, depth }, props) => (
              <TaskRow id={taskId} depth={depth} isNarrow={isPhone} {...props} />
            )}
            onOpen={({ taskId }) => void navigate({ to: '/tasks/$taskId', params: { taskId } })}
            onEnd={() => void tree.loadMore()}
            foot={<ListFoot {...tree} />}
          />
        </div>
      )}
    </Page>
  )
}

function ExportMenu({ filter }: { filter: { status?: readonly string[]; agentId?: string } }) {
  const rest = useFleetwireRest()
  const save = async (format: ExportFormat) => {
    const file = await rest.tasks.export(format, filter)
    if (file.ok) saveFile(file.data, `tasks.${format}`)
    else toast('The export failed.', { tone: 'bad', description: file.error.message })
  }
  return (
    <Menu
      trigger={<Button icon={<Download size={14} aria-hidden />}>Export</Button>}
      items={formats.map(({ format, label }) => ({ label, onSelect: () => void save(format) }))}
    />
  )
}

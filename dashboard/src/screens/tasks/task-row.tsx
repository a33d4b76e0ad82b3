import { useTask } from '@fleetwire/react'
import { isTaskOver, taskProgressWords, taskStatus } from '../../model/task-status.ts'
import { Age } from '../../ui/age.tsx'
import { cx } from '../../ui/cx.ts'
import { ProgressBar } from '../../ui/progress-bar.tsx'
import { ToneMark } from '../../ui/status.tsx'
import { Cell, type RowProps, TableRow } from '../../ui/virtual-table.tsx'

const INDENT_PX = 20
const DEEPEST = 6

export function TaskRow({
  id,
  depth,
  isNarrow,
  ...props
}: RowProps & { id: string; depth: number; isNarrow: boolean }) {
  const live = useTask(id)
  const task = live.status === 'ready' ? live.data : undefined
  if (task === undefined) return <TableRow data-task-id={id} {...props} />
  const { word, tone } = taskStatus[task.status]
  const indent = { paddingLeft: Math.min(depth, DEEPEST) * INDENT_PX }
  const status = <ToneMark tone={tone}>{word}</ToneMark>
  const bar = <ProgressBar value={task.progress} label={`Progress of ${task.title}`} className="rounded-full bg-line" />
  return (
    <TableRow data-task-id={id} data-status={task.status} {...props}>
      {isNarrow ? (
        <Cell className="flex flex-col gap-1" style={indent}>
          <span className="flex items-center gap-2">
            <span className="min-w-0 flex-1 truncate font-medium">{task.title}</span>
            {status}
          </span>
          {bar}
        </Cell>
      ) : (
        <>
          <Cell style={indent} className={cx(depth === 0 && 'font-medium')}>
            {task.title}
          </Cell>
          <Cell>{status}</Cell>
          <Cell className="flex items-center gap-3">
            <span className="w-24 shrink-0">{bar}</span>
            <span
              className={cx('truncate text-meta tabular-nums', isTaskOver(task.status) ? 'text-text3' : 'text-text2')}
            >
              {taskProgressWords(task)}
            </span>
          </Cell>
          <Cell className="text-text2">{task.agentId ?? '–'}</Cell>
          <Cell align="end" className="text-text2">
            <Age at={task.updatedAt} />
          </Cell>
        </>
      )}
    </TableRow>
  )
}

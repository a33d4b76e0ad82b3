import { useCommand, useNow } from '@fleetwire/react'
import { commandNotes, commandStatus, commandTitle, isOver } from '../../model/command-status.ts'
import { took } from '../../model/format.ts'
import { Age } from '../../ui/age.tsx'
import { ToneMark } from '../../ui/status.tsx'
import { Cell, type RowProps, TableRow } from '../../ui/virtual-table.tsx'

export function CommandRow({ id, isNarrow, ...props }: RowProps & { id: string; isNarrow: boolean }) {
  const live = useCommand(id)
  const command = live.status === 'ready' ? live.data : undefined
  if (command === undefined) return <TableRow data-command-id={id} {...props} />
  const { word, tone } = commandStatus(command)
  const status = (
    <ToneMark tone={tone}>
      <span title={commandNotes[command.status]}>{word}</span>
      {command.exitCode !== undefined && command.exitCode !== 0 && ` · ${command.exitCode}`}
    </ToneMark>
  )
  return (
    <TableRow data-command-id={id} data-status={command.status} {...props}>
      {isNarrow ? (
        <Cell className="flex flex-col gap-0.5">
          <span className="truncate font-mono text-code">{commandTitle(command)}</span>
          <span className="flex items-center gap-2 text-meta text-text3">
            {status}
            <span className="truncate">{command.agentId}</span>
            <span className="ml-auto">
              <Age at={command.createdAt} />
            </span>
          </span>
        </Cell>
      ) : (
        <>
          <Cell className="font-mono text-code">{commandTitle(command)}</Cell>
          <Cell>{status}</Cell>
          <Cell>{command.agentId}</Cell>
          <Cell className="text-text2">{command.kind}</Cell>
          <Cell className="text-text2">{command.createdBy}</Cell>
          <Cell align="end" className="text-text2">
            <Age at={command.createdAt} />
          </Cell>
          <Cell align="end" className="text-text2">
            <Took startedAt={command.startedAt} endedAt={command.endedAt} running={!isOver(command.status)} />
          </Cell>
        </>
      )}
    </TableRow>
  )
}

function Took({
  startedAt,
  endedAt,
  running,
}: {
  startedAt: number | undefined
  endedAt: number | undefined
  running: boolean
}) {
  const now = useNow()
  if (startedAt === undefined) return '–'
  return took((running ? now : (endedAt ?? startedAt)) - startedAt)
}

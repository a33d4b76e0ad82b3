import { useConnection, useFleetwireRest } from '@fleetwire/react'
import { useState } from 'react'
import { toast } from '../../app/toasts.ts'
import { bytes } from '../../model/format.ts'
import { mayAdminister } from '../../model/rights.ts'
import { Age } from '../../ui/age.tsx'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Empty, Problem } from '../../ui/states.tsx'
import { TableSkeleton } from '../../ui/table-skeleton.tsx'
import { usePhone } from '../../ui/use-phone.ts'
import { Cell, type Column, TableRow, VirtualTable } from '../../ui/virtual-table.tsx'
import { usePolled } from './use-polled.ts'

const EVERY_MS = 5000
const MOST = 500

const columns: readonly Column[] = [
  { key: 'sub', header: 'Who', width: 'minmax(0,1fr)' },
  { key: 'kind', header: 'Kind', width: '110px', wideOnly: true },
  { key: 'role', header: 'Role', width: '90px', wideOnly: true },
  { key: 'address', header: 'From', width: '150px', wideOnly: true },
  { key: 'waiting', header: 'Waiting', width: '90px', wideOnly: true, align: 'end' },
  { key: 'since', header: 'Since', width: '70px', wideOnly: true, align: 'end' },
  { key: 'close', header: '', width: '84px', align: 'end' },
]

export function Connections() {
  const rest = useFleetwireRest()
  const { role } = useConnection()
  const isPhone = usePhone()
  const list = usePolled(() => rest.connections.list({ limit: MOST }), EVERY_MS)
  const [closing, setClosing] = useState<{ connectionId: string; sub: string }>()
  const close = async () => {
    if (closing === undefined) return
    const result = await rest.connections.close(closing.connectionId)
    setClosing(undefined)
    if (!result.ok) toast('The request was refused.', { tone: 'bad', description: result.error.message })
    await list.refresh()
  }
  if (list.data === undefined) {
    if (list.error === undefined) return <TableSkeleton />
    return list.error.code === 'forbidden' ? (
      <Empty title="Your token may not see connections.">
        <p>This requires the role admin.</p>
      </Empty>
    ) : (
      <Problem title="The connections could not be loaded." error={list.error} onRetry={() => void list.refresh()} />
    )
  }
  return (
    <>
      <VirtualTable
        label="Connections"
        columns={columns}
        rows={list.data.items}
        rowKey={({ connectionId }) => connectionId}
        isNarrow={isPhone}
        renderRow={(item, props) => {
          const button = mayAdminister(role) && (
            <Button look="quiet" className="h-7!" onClick={() => setClosing(item)}>
              Close
            </Button>
          )
          return (
            <TableRow {...props}>
              {isPhone ? (
                <>
                  <Cell className="flex flex-col">
                    <span className="truncate">{item.sub}</span>
                    <span className="truncate text-meta text-text3">
                      {item.kind} · {item.role} · {item.address}
                    </span>
                  </Cell>
                  <Cell align="end">{button}</Cell>
                </>
              ) : (
                <>
                  <Cell>{item.sub}</Cell>
                  <Cell className="text-text2">{item.kind}</Cell>
                  <Cell className="text-text2">{item.role}</Cell>
                  <Cell className="font-mono text-code text-text2">{item.address}</Cell>
                  <Cell align="end" className="text-text2">
                    {item.bufferedBytes === 0 ? '–' : bytes(item.bufferedBytes)}
                  </Cell>
                  <Cell align="end" className="text-text2">
                    <Age at={item.openedAt} />
                  </Cell>
                  <Cell align="end">{button}</Cell>
                </>
              )}
            </TableRow>
          )
        }}
        foot={
          list.data.nextCursor !== null && (
            <p className="p-4 text-center text-meta text-text3">Only the first {MOST} are shown.</p>
          )
        }
      />
      <Dialog
        open={closing !== undefined}
        onOpenChange={open => !open && setClosing(undefined)}
        title={`Close the connection of ${closing?.sub ?? ''}?`}
        description="It is told not to reconnect by itself. Its token stays valid: revoke it to keep it out."
        footer={
          <>
            <Button onClick={() => setClosing(undefined)}>Cancel</Button>
            <Button look="danger" onClick={() => void close()}>
              Close it
            </Button>
          </>
        }
      />
    </>
  )
}

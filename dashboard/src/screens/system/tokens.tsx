import type { TokenInfo } from '@fleetwire/protocol'
import { serverNow, useConnection, useFleetwireRest, useNow } from '@fleetwire/react'
import { useState } from 'react'
import { toast } from '../../app/toasts.ts'
import { age, clockTime } from '../../model/format.ts'
import { mayAdminister } from '../../model/rights.ts'
import { Age } from '../../ui/age.tsx'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Empty, Problem } from '../../ui/states.tsx'
import { TableSkeleton } from '../../ui/table-skeleton.tsx'
import { usePhone } from '../../ui/use-phone.ts'
import { Cell, type Column, TableRow, VirtualTable } from '../../ui/virtual-table.tsx'
import { MintToken } from './mint-token.tsx'
import { usePolled } from './use-polled.ts'

const EVERY_MS = 15_000
const MOST = 500

const columns: readonly Column[] = [
  { key: 'sub', header: 'For', width: 'minmax(0,1fr)' },
  { key: 'role', header: 'Role', width: '90px', wideOnly: true },
  { key: 'agents', header: 'Agents', width: 'minmax(0,0.6fr)', wideOnly: true },
  { key: 'by', header: 'Created by', width: '110px', wideOnly: true },
  { key: 'created', header: 'Created', width: '70px', wideOnly: true, align: 'end' },
  { key: 'expires', header: 'Expires', width: '120px', wideOnly: true, align: 'end' },
  { key: 'revoke', header: '', width: '92px', align: 'end' },
]

/** All tokens that this server minted; mints new ones and revokes old ones. */
export function Tokens() {
  const rest = useFleetwireRest()
  const { role } = useConnection()
  const isPhone = usePhone()
  const list = usePolled(() => rest.tokens.list({ limit: MOST }), EVERY_MS)
  const [revoking, setRevoking] = useState<TokenInfo>()
  const [isMinting, setIsMinting] = useState(false)
  const revoke = async () => {
    if (revoking === undefined) return
    const result = await rest.tokens.revoke(revoking.jti)
    setRevoking(undefined)
    if (!result.ok) toast('The request was refused.', { tone: 'bad', description: result.error.message })
    await list.refresh()
  }
  if (role !== undefined && !mayAdminister(role)) {
    return (
      <Empty title="Your token may not manage tokens.">
        <p>This requires the role admin.</p>
      </Empty>
    )
  }
  if (list.data === undefined) {
    return list.error === undefined ? (
      <TableSkeleton />
    ) : (
      <Problem title="The tokens could not be loaded." error={list.error} onRetry={() => void list.refresh()} />
    )
  }
  return (
    <>
      <div className="flex items-center justify-between gap-3 px-5 py-3">
        <p className="text-text2">A token is shown only once, when it is created. These were created here.</p>
        <Button look="filled" onClick={() => setIsMinting(true)}>
          New token
        </Button>
      </div>
      <VirtualTable
        label="Tokens"
        columns={columns}
        rows={list.data.items}
        rowKey={({ jti }) => jti}
        isNarrow={isPhone}
        renderRow={(token, props) => (
          <TableRow {...props}>
            {isPhone ? (
              <Cell className="flex flex-col">
                <span className="truncate">{token.sub}</span>
                <span className="truncate text-meta text-text3">
                  {token.role} · <Ends token={token} />
                </span>
              </Cell>
            ) : (
              <>
                <Cell>{token.sub}</Cell>
                <Cell className="text-text2">{token.role}</Cell>
                <Cell className="font-mono text-code text-text2">{token.agents.join(', ')}</Cell>
                <Cell className="text-text2">{token.createdBy}</Cell>
                <Cell align="end" className="text-text2">
                  <Age at={token.createdAt} />
                </Cell>
                <Cell align="end" className="text-text2">
                  <Ends token={token} />
                </Cell>
              </>
            )}
            <Cell align="end">
              {token.revokedAt === undefined && token.expiresAt > serverNow() && (
                <Button look="quiet" className="h-7!" onClick={() => setRevoking(token)}>
                  Revoke
                </Button>
              )}
            </Cell>
          </TableRow>
        )}
        foot={list.data.items.length === 0 && <Empty title="No tokens have been created here yet." />}
      />
      <MintToken open={isMinting} onOpenChange={setIsMinting} onMinted={() => void list.refresh()} />
      <Dialog
        open={revoking !== undefined}
        onOpenChange={open => !open && setRevoking(undefined)}
        title={`Revoke the token of ${revoking?.sub ?? ''}?`}
        description="It stops working at once, and its open connections are closed. This cannot be undone."
        footer={
          <>
            <Button onClick={() => setRevoking(undefined)}>Cancel</Button>
            <Button look="danger" onClick={() => void revoke()}>
              Revoke it
            </Button>
          </>
        }
      />
    </>
  )
}

function Ends({ token: { revokedAt, expiresAt } }: { token: TokenInfo }) {
  const now = useNow()
  if (revokedAt !== undefined) return <span title={clockTime(revokedAt)}>revoked</span>
  return (
    <span title={new Date(expiresAt).toLocaleString()}>
      {expiresAt <= now ? 'expired' : `in ${age(expiresAt - now)}`}
    </span>
  )
}

import { isPattern, type WireEvent } from '@fleetwire/protocol'
import { useEvents } from '@fleetwire/react'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { clockTime, plural } from '../../model/format.ts'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Field, TextInput } from '../../ui/field.tsx'
import { Empty } from '../../ui/states.tsx'
import { usePhone } from '../../ui/use-phone.ts'
import { Cell, type Column, TableRow, VirtualTable } from '../../ui/virtual-table.tsx'

/** Keeps the newest events; a page that is left open must not grow. */
const RING = 2000
const FLUSH_MS = 250

const columns: readonly Column[] = [
  { key: 'at', header: 'When', width: '84px', wideOnly: true },
  { key: 'type', header: 'Type', width: '170px', wideOnly: true },
  { key: 'topic', header: 'Topic', width: 'minmax(0,1fr)' },
  { key: 'payload', header: 'Payload', width: 'minmax(0,1.2fr)', wideOnly: true },
]

export function Events() {
  const { topics } = useSearch({ from: '/system' })
  const navigate = useNavigate({ from: '/system' })
  const [typed, setTyped] = useState(topics ?? 'agents.>')
  const isPhone = usePhone()
  const patterns = (topics ?? '').split(',').filter(Boolean)
  const wrong = typed
    .split(',')
    .map(one => one.trim())
    .find(one => one !== '' && !isPattern(one))
  const { rows, isPaused, pause, clear, missed, refused } = useRing(patterns)
  const [open, setOpen] = useState<WireEvent>()
  const listen = () => {
    if (wrong === undefined)
      void navigate({ search: before => ({ ...before, topics: typed.replaceAll(' ', '') }), replace: true })
  }
  return (
    <>
      <form
        className="flex flex-wrap items-end gap-2 px-5 py-3"
        onSubmit={event => {
          event.preventDefault()
          listen()
        }}
      >
        <div className="min-w-56 flex-1">
          <Field
            label="Topics"
            hint="Patterns separated by commas: * matches one word, > at the end one or more."
            error={
              wrong === undefined
                ? refused?.message
                : `“${wrong}” is not a valid pattern: use words of letters, digits, - and _ separated by dots.`
            }
          >
            <TextInput
              value={typed}
              onChange={event => setTyped(event.target.value)}
              className="font-mono! text-code!"
              spellCheck={false}
            />
          </Field>
        </div>
        <div className="mb-5 flex gap-2">
          <Button type="submit" look="filled" disabled={wrong !== undefined}>
            Listen
          </Button>
          <Button disabled={patterns.length === 0} onClick={pause}>
            {isPaused ? `Resume${missed > 0 ? ` (${missed})` : ''}` : 'Pause'}
          </Button>
          <Button disabled={rows.length === 0} onClick={clear}>
            Clear
          </Button>
        </div>
      </form>
      {rows.length === 0 ? (
        <Empty title={patterns.length === 0 ? 'Choose topics, then listen.' : 'Nothing has happened yet.'}>
          <p>Events appear here while this page is open, newest first.</p>
        </Empty>
      ) : (
        <VirtualTable<WireEvent>
          label="Events"
          columns={columns}
          rows={rows}
          rowKey={event => event.cursor}
          isNarrow={isPhone}
          rowHeight={30}
          onOpen={event => setOpen(event)}
          renderRow={(event, props) => (
            <TableRow {...props}>
              {isPhone ? (
                <Cell className="flex flex-col">
                  <span className="truncate">{event.type}</span>
                  <span className="truncate text-meta text-text3">{event.topic}</span>
                </Cell>
              ) : (
                <>
                  <Cell className="font-mono text-code text-text3">{clockTime(event.at)}</Cell>
                  <Cell>{event.type}</Cell>
                  <Cell className="font-mono text-code text-text2">{event.topic}</Cell>
                  <Cell className="font-mono text-code text-text3">{JSON.stringify(event.payload)}</Cell>
                </>
              )}
            </TableRow>
          )}
          foot={
            rows.length >= RING && (
              <p className="p-3 text-center text-meta text-text3">Only the newest {plural(RING, 'event')} are kept.</p>
            )
          }
        />
      )}
      <Dialog
        open={open !== undefined}
        onOpenChange={isOpen => !isOpen && setOpen(undefined)}
        title={open?.type ?? ''}
        width={720}
      >
        <CodeBlock text={JSON.stringify(open, null, 2) ?? ''} wraps />
      </Dialog>
    </>
  )
}

/** The newest events that match the patterns, rendered at most every `FLUSH_MS`. */
function useRing(patterns: readonly string[]) {
  const ring = useRef<WireEvent[]>([])
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const [rows, setRows] = useState<readonly WireEvent[]>([])
  const [isPaused, setIsPaused] = useState(false)
  const [missed, setMissed] = useState(0)
  const paused = useRef(false)
  const flush = () => {
    timer.current = undefined
    if (paused.current) setMissed(ring.current.length)
    else show()
  }
  const show = () => {
    const fresh = ring.current.toReversed()
    ring.current = []
    setMissed(0)
    setRows(before => [...fresh, ...before].slice(0, RING))
  }
  const refused = useEvents(patterns, event => {
    ring.current.push(event as WireEvent)
    if (ring.current.length > RING) ring.current.splice(0, ring.current.length - RING)
    timer.current ??= setTimeout(flush, FLUSH_MS)
  })
  useEffect(() => () => clearTimeout(timer.current), [])
  const pause = () => {
    paused.current = !paused.current
    setIsPaused(paused.current)
    if (!paused.current) show()
  }
  const clear = () => {
    ring.current = []
    setRows([])
    setMissed(0)
  }
  return { rows, isPaused, pause, clear, missed, refused }
}

import { useConnection, useTerminal } from '@fleetwire/react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { usePreferences } from '../../../app/preferences.ts'
import { bytes } from '../../../model/format.ts'
import { cx } from '../../../ui/cx.ts'
import { Empty } from '../../../ui/states.tsx'
import { usePhone } from '../../../ui/use-phone.ts'
import { createEmulator, type Emulator, type Size } from './emulator.ts'
import { type Held, withHeld } from './held-keys.ts'
import { InputSender } from './input-sender.ts'
import { KeyRow } from './key-row.tsx'
import { SearchBar } from './search-bar.tsx'
import { TerminalFoot } from './terminal-foot.tsx'
import { useFontSize } from './use-font-size.ts'
import { useIsAway } from './use-is-away.ts'
import { useSize } from './use-size.ts'

/** How long the notice about missing bytes or refused keys is shown. */
const NOTICE_MS = 30_000

export interface TerminalViewProps {
  agentId: string
  /** undefined: the newest terminal, and each new one when it begins. */
  terminalId: string | undefined
  mayType: boolean
  isSearching: boolean
  onSearching(isSearching: boolean): void
}

export default function TerminalView({ agentId, terminalId, mayType, isSearching, onSearching }: TerminalViewProps) {
  const host = useRef<HTMLDivElement>(null)
  const terminal = useTerminal({ agentId, ...(terminalId !== undefined && { terminalId }) })
  const connection = useConnection()
  const isPhone = usePhone()
  const screenReader = usePreferences(state => state.screenReaderTerminal)
  const [emulator, setEmulator] = useState<Emulator>()
  const [size, setSize] = useState<Size>()
  const [held, setHeld] = useState<Held>()
  const [notice, setNotice] = useState<string>()
  const [isFocused, setIsFocused] = useState(false)
  const [isEmpty, setIsEmpty] = useState(false)
  const sender = useMemo(
    () => new InputSender(terminal.input, error => setNotice(`Not typed: ${error.message}`)),
    [terminal.input],
  )
  const isOnline = connection.state === 'online'
  const isAway = useIsAway()
  const canType = mayType && isOnline && terminal.state === 'open'
  const type = (data: string) => {
    if (!canType) return
    setNotice(undefined)
    sender.push(withHeld(held, data))
    if (held !== undefined) setHeld(undefined)
  }
  useEffect(() => {
    if (notice === undefined) return
    const timer = setTimeout(() => setNotice(undefined), NOTICE_MS)
    return () => clearTimeout(timer)
  }, [notice])
  const latest = useRef({ type, onSearching })
  latest.current = { type, onSearching }

  useEffect(() => {
    let made: Emulator | undefined
    let isOver = false
    const options = {
      screenReader,
      onData: (data: string) => latest.current.type(data),
      onSize: setSize,
      onFocus: setIsFocused,
      onEmpty: setIsEmpty,
      onGap: (lost: number) => setNotice(`${bytes(lost)} not kept`),
      onLeave: () => leaveTerminal(host.current),
      onFind: () => latest.current.onSearching(true),
    }
    void createEmulator(host.current!, options).then(emulator => {
      if (isOver) return emulator.dispose()
      made = emulator
      setEmulator(emulator)
      setSize({ cols: emulator.terminal.cols, rows: emulator.terminal.rows })
    })
    return () => {
      isOver = true
      made?.dispose()
      setEmulator(undefined)
    }
  }, [screenReader])

  const { attach } = terminal
  useEffect(() => (emulator === undefined ? undefined : attach(emulator.sink)), [emulator, attach])
  useEffect(() => {
    if (emulator !== undefined) emulator.terminal.options.disableStdin = !canType
  }, [emulator, canType])
  const { owner, fit } = useSize({ emulator, host, terminal, size, mayResize: mayType, automatic: !isPhone })
  useFontSize({ emulator, host, size, shrinks: isPhone && owner !== 'you' })

  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      {isAway && (
        <div role="status" aria-label="Terminal" className="shrink-0 bg-needs-soft px-3 py-0.5 text-meta text-needs">
          Reconnecting. What you see may be out of date, and keys are not sent.
        </div>
      )}
      {isSearching && emulator !== undefined && (
        <SearchBar
          search={emulator.search}
          onClose={() => {
            onSearching(false)
            emulator.terminal.focus()
          }}
        />
      )}
      <div
        ref={host}
        data-terminal
        className={cx('min-h-0 flex-1 overflow-auto bg-card py-1 pl-2', isAway && 'stale')}
      />
      {isEmpty && (
        <Empty title="No terminal yet" className="pointer-events-none absolute inset-0">
          Programs that it runs in a terminal appear here.
        </Empty>
      )}
      {isPhone && mayType && emulator !== undefined && (
        <KeyRow terminal={emulator.terminal} held={held} onHold={setHeld} type={type} />
      )}
      <TerminalFoot
        terminal={terminal}
        size={size}
        owner={owner}
        mayType={mayType}
        isFocused={isFocused}
        notice={notice}
        isEmpty={isEmpty}
        onFit={fit}
      />
    </div>
  )
}

/** Moves the focus, so that keys control the page again. */
function leaveTerminal(host: HTMLElement | null): void {
  ;(document.activeElement as HTMLElement | null)?.blur()
  document.querySelector<HTMLElement>('[role=tab][aria-selected=true]')?.focus()
  host?.scrollTo({ left: 0 })
}

import type { Terminal } from '@fleetwire/react'
import { shownKeys } from '../../../keys/shortcuts.ts'
import type { Size } from './emulator.ts'
import type { SizeOwner } from './use-size.ts'

export interface TerminalFootProps {
  terminal: Terminal
  size: Size | undefined
  owner: SizeOwner
  mayType: boolean
  isFocused: boolean
  notice: string | undefined
  /** The agent has no terminal to show. */
  isEmpty: boolean
  onFit(): void
}

const owners: Record<SizeOwner, string> = {
  you: 'fits this page',
  other: 'another viewer controls the size',
  itself: 'sized by its own window',
  nobody: '',
}

/** The line below the terminal: its state, whether it takes keys, and who controls its size. */
export function TerminalFoot({ terminal, size, owner, mayType, isFocused, notice, isEmpty, onFit }: TerminalFootProps) {
  return (
    <div className="flex min-h-7 shrink-0 items-center gap-3 overflow-hidden border-t border-line bg-card px-3 text-meta whitespace-nowrap text-text3">
      <span className="min-w-0 truncate">{isEmpty ? '' : stateText(terminal, mayType, isFocused)}</span>
      {notice !== undefined && <span className="truncate text-warn">{notice}</span>}
      <span className="ml-auto flex shrink-0 items-center gap-2 tabular-nums">
        {size !== undefined && !isEmpty && `${size.cols} × ${size.rows}`}
        {owners[owner] !== '' && !isEmpty && <span className="max-tablet:sr-only">{owners[owner]}</span>}
        {mayType && !isEmpty && (owner === 'nobody' || owner === 'other') && terminal.state === 'open' && (
          <button type="button" onClick={onFit} className="min-h-6 rounded-control px-1.5 text-accent hover:underline">
            Fit to this page
          </button>
        )}
      </span>
    </div>
  )
}

function stateText({ state, exit, error }: Terminal, mayType: boolean, isFocused: boolean): string {
  switch (state) {
    case 'idle':
    case 'opening':
      return 'Opening'
    case 'error':
      return error?.message ?? 'The terminal could not be opened.'
    case 'exited':
      return exit?.signal === undefined
        ? `Ended with exit code ${exit?.exitCode ?? 'unknown'}`
        : `Ended by ${exit.signal}`
    case 'open':
      if (!mayType) return 'Read only: your token may not type'
      return isFocused ? `${shownKeys('mod+escape')} leaves the terminal` : 'Click to type'
    default:
      return state satisfies never
  }
}

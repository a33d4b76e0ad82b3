import { useTerminal } from '@fleetwire/react'
import { useEffect, useState } from 'react'
import { screenLines } from '../../model/screen-text.ts'

export interface PreviewTarget {
  agentId: string
  /** Of the agent's card or row, in the window. */
  rect: Pick<DOMRect, 'left' | 'top' | 'bottom' | 'width'>
}

const LINES = 14
const LINE_HEIGHT = 16
const WIDTH = 520
const MARGIN = 8

/** The last lines of an agent's screen as text, beside its card. Empty while the agent has no terminal. */
export function TerminalPreview({ agentId, rect }: PreviewTarget) {
  const { attach, title } = useTerminal({ agentId, mode: 'snapshot' })
  const [lines, setLines] = useState<readonly string[]>([])
  useEffect(
    () =>
      attach({
        snapshot: ({ screen }) => setLines(screenLines(screen).slice(-LINES)),
        // This mode delivers only whole screens.
        write: () => {},
      }),
    [attach],
  )
  if (lines.length === 0) return null
  const height = Math.max(lines.length, 3) * LINE_HEIGHT + 44
  const isBelow = rect.bottom + MARGIN + height < window.innerHeight || rect.top < height + MARGIN
  const width = Math.min(WIDTH, window.innerWidth - 2 * MARGIN)
  return (
    <div
      // The agent's page has the same content. Screen readers would read a live screen without end.
      aria-hidden
      data-terminal-preview={agentId}
      style={{
        left: Math.max(MARGIN, Math.min(rect.left, window.innerWidth - width - MARGIN)),
        top: isBelow ? rect.bottom + MARGIN : rect.top - MARGIN - height,
        width,
      }}
      className="pointer-events-none fixed z-30 overflow-hidden rounded-card border border-edge bg-page shadow-overlay"
    >
      <p className="truncate border-b border-line px-3 py-1 text-meta text-text3">
        {title === '' ? 'Terminal' : title}
      </p>
      <pre className="overflow-hidden px-3 py-2 font-mono text-[11px] leading-4 text-text2">{lines.join('\n')}</pre>
    </div>
  )
}

import { useCommand, useCommandPage } from '@fleetwire/react'
import { Search } from 'lucide-react'
import { usePreferences } from '../../../app/preferences.ts'
import { useShortcuts } from '../../../keys/shortcuts.ts'
import { commandTitle } from '../../../model/command-status.ts'
import { IconButton } from '../../../ui/button.tsx'
import { Select } from '../../../ui/select.tsx'

const NEWEST = 'newest'
/** The server keeps the terminals of this many ended commands. */
const KEPT = 20

export interface TerminalToolsProps {
  agentId: string
  terminalId: string | undefined
  onTerminal(terminalId: string | undefined): void
  onFind(): void
}

export function TerminalTools({ agentId, terminalId, onTerminal, onFind }: TerminalToolsProps) {
  const { screenReaderTerminal, set } = usePreferences()
  useShortcuts([
    { keys: '', label: 'Find in the terminal', group: 'Agent', run: onFind },
    {
      keys: '',
      label: screenReaderTerminal
        ? 'Terminal: stop announcing to screen readers'
        : 'Terminal: announce to screen readers',
      group: 'Agent',
      run: () => set({ screenReaderTerminal: !screenReaderTerminal }),
    },
  ])
  const page = useCommandPage({ agentId, kind: 'shell' })
  const ids = page.ids.status === 'ready' ? page.ids.data.slice(0, KEPT) : []
  const shown = terminalId === undefined || ids.includes(terminalId) ? ids : [terminalId, ...ids]
  return (
    <div className="flex shrink-0 items-center gap-1 pr-2">
      {shown.length > 1 && (
        <Select
          label="Terminal"
          value={terminalId ?? NEWEST}
          choices={[
            { value: NEWEST, label: 'Newest terminal' },
            ...shown.map(id => ({ value: id, label: <TerminalTitle id={id} /> })),
          ]}
          onChange={value => onTerminal(value === NEWEST ? undefined : value)}
          className="max-w-56"
        />
      )}
      <IconButton label="Find in the terminal" onClick={onFind}>
        <Search size={14} aria-hidden />
      </IconButton>
    </div>
  )
}

/** A terminal of a command has the title of the command. */
function TerminalTitle({ id }: { id: string }) {
  const title = useCommand(id, commandTitle)
  return (
    <span className="font-mono text-code">
      {title.status === 'ready' && title.data !== undefined ? title.data : id}
    </span>
  )
}

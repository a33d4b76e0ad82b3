import { Autocomplete } from '@base-ui/react/autocomplete'
import { Dialog } from '@base-ui/react/dialog'
import { useAgents } from '@fleetwire/react'
import { useRouter } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { shownKeys, useShortcutStore } from '../keys/shortcuts.ts'
import { Kbd } from '../ui/kbd.tsx'

interface Item {
  value: string
  label: string
  note: string
  keys: string
  run(): void
}

/** Nobody reads longer lists; typing narrows them. */
const MOST_SHOWN = 50

/** ⌘K: all actions available now, with their keys, and all agents. */
export function Palette({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-[rgb(0_0_0/0.5)]" />
        <Dialog.Popup
          aria-label="Actions and agents"
          className="overlay-motion fixed inset-x-0 top-0 z-50 flex max-h-[80dvh] flex-col border border-line bg-card shadow-overlay outline-none tablet:inset-x-auto tablet:top-[12vh] tablet:left-1/2 tablet:w-[560px] tablet:-translate-x-1/2 tablet:rounded-dialog"
        >
          <PaletteList close={() => onOpenChange(false)} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

function PaletteList({ close }: { close(): void }) {
  const [text, setText] = useState('')
  const items = useItems(close)
  return (
    <Autocomplete.Root
      open
      inline
      items={items}
      limit={MOST_SHOWN}
      value={text}
      onValueChange={setText}
      autoHighlight="always"
      keepHighlight
      itemToStringValue={item => `${item.label} ${item.note}`}
    >
      <Autocomplete.Input
        aria-label="Search actions and agents"
        placeholder="Search actions and agents"
        className="h-12 w-full shrink-0 border-b border-line bg-transparent px-4 text-title outline-none placeholder:text-text3"
      />
      <Autocomplete.Empty className="px-4 py-6 text-center text-text2 empty:hidden">
        Nothing matches “{text}”.
      </Autocomplete.Empty>
      <Autocomplete.List className="min-h-0 overflow-auto p-1.5 empty:hidden">
        {(item: Item) => (
          <Autocomplete.Item
            key={item.value}
            value={item}
            onClick={item.run}
            className="flex h-9 cursor-pointer items-center gap-3 rounded-control px-2.5 outline-none data-[highlighted]:bg-hover pointer-coarse:h-11"
          >
            <span className="min-w-0 flex-1 truncate">{item.label}</span>
            <span className="truncate text-meta text-text3">{item.note}</span>
            {item.keys !== '' && <Kbd keys={item.keys} />}
          </Autocomplete.Item>
        )}
      </Autocomplete.List>
    </Autocomplete.Root>
  )
}

function useItems(close: () => void): Item[] {
  const entries = useShortcutStore(state => state.entries)
  const agents = useAgents({ sort: { by: 'name' } })
  const router = useRouter()
  return useMemo(() => {
    const done = (run: () => void) => () => {
      close()
      run()
    }
    const actions = entries
      .filter(entry => !entry.keyOnly)
      .toReversed()
      .map(entry => ({
        value: `action ${entry.id}`,
        label: entry.label,
        note: entry.group,
        keys: shownKeys(entry.keys),
        run: done(entry.run),
      }))
    const all = agents.status === 'ready' ? agents.data : []
    const rows = all.map(agent => ({
      value: `agent ${agent.agentId}`,
      label: agent.name,
      note: agent.name === agent.agentId ? 'Agent' : agent.agentId,
      keys: '',
      run: done(() => void router.navigate({ to: '/agents/$agentId', params: { agentId: agent.agentId } })),
    }))
    return [...actions, ...rows]
  }, [entries, agents, close, router])
}

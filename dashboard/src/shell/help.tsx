import { type Shortcut, shownKeys, useShortcutStore } from '../keys/shortcuts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Kbd } from '../ui/kbd.tsx'

/** `?`: the shortcut keys of this screen. */
export function Help({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  const entries = useShortcutStore(state => state.entries).filter(({ keys }) => keys !== '')
  const groups = [...new Set(entries.map(({ group }) => group))]
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Keys" width={640}>
      <div className="grid gap-x-8 gap-y-5 tablet:grid-cols-2">
        {groups.map(group => (
          <section key={group}>
            <h3 className="pb-1 text-meta font-medium text-text3">{group}</h3>
            <ul>
              {lastOfEachKey(entries.filter(entry => entry.group === group)).map(item => (
                <li key={item.keys} className="flex min-h-7 items-center gap-3">
                  <span className="flex-1">{item.label}</span>
                  <Kbd keys={shownKeys(item.keys)} />
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
      <p className="mt-5 text-meta text-text3">
        Keys are off while you type and in a terminal. {shownKeys('mod+escape')} leaves the terminal.
      </p>
    </Dialog>
  )
}

/** Of several actions with the same keys, only the last one runs. */
const lastOfEachKey = (items: readonly Shortcut[]): Shortcut[] => [
  ...new Map(items.map(item => [item.keys, item])).values(),
]

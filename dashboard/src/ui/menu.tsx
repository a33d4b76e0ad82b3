import { Menu as Base } from '@base-ui/react/menu'
import type { ReactElement, ReactNode } from 'react'
import { cx } from './cx.ts'

export interface MenuItem {
  label: ReactNode
  onSelect(): void
  icon?: ReactNode
  keys?: string
  danger?: boolean
  disabled?: boolean
}

/** A button (`trigger`) that opens a list of actions. */
export function Menu({
  trigger,
  items,
  onOpenChange,
}: {
  trigger: ReactElement<Record<string, unknown>>
  items: readonly MenuItem[]
  onOpenChange?: (open: boolean) => void
}) {
  return (
    <Base.Root {...(onOpenChange !== undefined && { onOpenChange })}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={4} align="end" className="z-50">
          <Base.Popup className="overlay-motion min-w-44 rounded-card border border-line bg-card p-1 shadow-overlay outline-none">
            {items.map((item, index) => (
              <Base.Item
                // biome-ignore lint/suspicious/noArrayIndexKey: actions have no identity other than their position
                key={index}
                disabled={item.disabled ?? false}
                onClick={item.onSelect}
                className={cx(
                  'flex h-8 cursor-pointer items-center gap-2 rounded-control px-2 outline-none data-[disabled]:cursor-default data-[disabled]:opacity-50 data-[highlighted]:bg-hover pointer-coarse:h-11',
                  item.danger ? 'text-bad' : 'text-text',
                )}
              >
                {item.icon}
                <span className="flex-1">{item.label}</span>
                {item.keys !== undefined && <span className="text-meta text-text3">{item.keys}</span>}
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}

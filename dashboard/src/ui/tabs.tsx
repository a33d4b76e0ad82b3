import { Tabs as Base } from '@base-ui/react/tabs'
import type { ReactNode } from 'react'

export interface Tab<T extends string> {
  value: T
  label: ReactNode
  content: ReactNode
  /** Stays mounted while another tab is shown: for content that is expensive to recreate. */
  keepMounted?: boolean
}

export interface TabsProps<T extends string> {
  value: T
  onChange(value: T): void
  tabs: readonly Tab<T>[]
  label: string
  /** Shown at the right end of the row of tabs. */
  aside?: ReactNode
}

/** Fills its parent with the row of tabs and, below it, the content of the selected tab. */
export function Tabs<T extends string>({ value, onChange, tabs, label, aside }: TabsProps<T>) {
  return (
    <Base.Root value={value} onValueChange={next => onChange(next as T)} className="flex min-h-0 flex-1 flex-col">
      <div className="flex items-center border-b border-line">
        <Base.List aria-label={label} className="flex flex-1 gap-1 overflow-x-auto px-3">
          {tabs.map(tab => (
            <Base.Tab
              key={tab.value}
              value={tab.value}
              className="-mb-px inline-flex h-9 shrink-0 items-center gap-1.5 border-b-2 border-transparent px-2 text-body font-medium text-text2 hover:text-text data-[active]:border-accent data-[active]:text-text pointer-coarse:h-11"
            >
              {tab.label}
            </Base.Tab>
          ))}
        </Base.List>
        {aside}
      </div>
      {tabs.map(tab => (
        <Base.Panel
          key={tab.value}
          value={tab.value}
          keepMounted={tab.keepMounted ?? false}
          className="flex min-h-0 flex-1 flex-col outline-none data-[hidden]:hidden"
        >
          {tab.content}
        </Base.Panel>
      ))}
    </Base.Root>
  )
}

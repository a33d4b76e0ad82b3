import { Select as Base } from '@base-ui/react/select'
import { Check, ChevronDown } from 'lucide-react'
import type { ReactNode } from 'react'
import { cx } from './cx.ts'

export interface Choice<T extends string> {
  value: T
  label: ReactNode
}

export interface SelectProps<T extends string> {
  label: string
  value: T
  choices: readonly Choice<T>[]
  onChange(value: T): void
  /** Shown before the value: “Group: Status”. */
  prefix?: string
  className?: string
}

export function Select<T extends string>({ label, value, choices, onChange, prefix, className }: SelectProps<T>) {
  const chosen = choices.find(choice => choice.value === value)
  return (
    <Base.Root value={value} onValueChange={next => next !== null && onChange(next as T)}>
      <Base.Trigger
        aria-label={label}
        className={cx(
          'control-height inline-flex shrink-0 items-center gap-1.5 rounded-control border border-line bg-card px-2.5 text-body whitespace-nowrap hover:border-edge',
          className,
        )}
      >
        {prefix !== undefined && <span className="text-text3">{prefix}</span>}
        <Base.Value className="truncate">{chosen?.label ?? value}</Base.Value>
        <Base.Icon className="ml-auto text-text3">
          <ChevronDown size={14} aria-hidden />
        </Base.Icon>
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner sideOffset={4} alignItemWithTrigger={false} className="z-50">
          <Base.Popup className="overlay-motion max-h-72 max-w-96 min-w-[var(--anchor-width)] overflow-auto rounded-card border border-line bg-card p-1 shadow-overlay outline-none">
            {choices.map(choice => (
              <Base.Item
                key={choice.value}
                value={choice.value}
                className="flex h-8 cursor-pointer items-center gap-2 rounded-control px-2 outline-none data-[highlighted]:bg-hover pointer-coarse:h-11"
              >
                <Base.ItemText className="min-w-0 flex-1 truncate">{choice.label}</Base.ItemText>
                <Base.ItemIndicator>
                  <Check size={14} aria-hidden />
                </Base.ItemIndicator>
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}

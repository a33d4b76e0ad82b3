import { Checkbox as Base } from '@base-ui/react/checkbox'
import { Check } from 'lucide-react'
import type { ReactNode } from 'react'

export interface CheckboxProps {
  checked: boolean
  onChange(checked: boolean): void
  label: ReactNode
  /** The label is only for screen readers. */
  hidesLabel?: boolean
}

export function Checkbox({ checked, onChange, label, hidesLabel = false }: CheckboxProps) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is Base UI's checkbox
    <label className="inline-flex min-h-6 max-w-full cursor-pointer items-center gap-2 pointer-coarse:min-h-11">
      <Base.Root
        checked={checked}
        onCheckedChange={onChange}
        className="inline-flex size-4 shrink-0 items-center justify-center rounded-[4px] border border-edge bg-card data-[checked]:border-primary data-[checked]:bg-primary"
      >
        <Base.Indicator className="text-white">
          <Check size={12} strokeWidth={3} aria-hidden />
        </Base.Indicator>
      </Base.Root>
      <span className={hidesLabel ? 'sr-only' : 'min-w-0 [overflow-wrap:anywhere]'}>{label}</span>
    </label>
  )
}

import { Check } from 'lucide-react'
import { cx } from '../../ui/cx.ts'
import { toggleSelected, useFleetSelection } from './fleet-selection.ts'

/** Shown once something is selected; until then, X and the menu select. `always`: for the table. */
export function SelectBox({
  id,
  name,
  isSelected,
  isStop,
  always = false,
}: {
  id: string
  name: string
  isSelected: boolean
  isStop: boolean
  always?: boolean
}) {
  const hasSelection = useFleetSelection(state => state.selected.size > 0)
  if (!hasSelection && !always) return null
  return (
    <button
      type="button"
      role="checkbox"
      aria-checked={isSelected}
      aria-label={`Select ${name}`}
      tabIndex={isStop ? 0 : -1}
      onClick={() => toggleSelected(id)}
      className="relative z-10 -m-1 inline-flex size-6 shrink-0 items-center justify-center pointer-coarse:-m-3 pointer-coarse:size-11"
    >
      <span
        className={cx(
          'inline-flex size-4 items-center justify-center rounded-[4px] border text-white',
          isSelected ? 'border-primary bg-primary' : 'border-edge bg-card',
        )}
      >
        {isSelected && <Check size={12} strokeWidth={3} aria-hidden />}
      </span>
    </button>
  )
}

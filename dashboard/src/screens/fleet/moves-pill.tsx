import { ArrowUpDown } from 'lucide-react'
import { count } from '../../model/format.ts'

/** While the order is frozen: how many agents are out of place. */
export function MovesPill({ moves, apply }: { moves: number; apply(): void }) {
  if (moves === 0) return null
  return (
    <div className="pointer-events-none absolute inset-x-0 top-1.5 z-20 flex justify-center">
      <button
        type="button"
        onClick={apply}
        title="The order is frozen while you are in the list. Sort it now."
        className="pointer-events-auto inline-flex h-7 items-center gap-1.5 rounded-full border border-edge bg-selected px-3 text-meta font-medium shadow-overlay hover:brightness-110 pointer-coarse:h-11"
      >
        <ArrowUpDown size={12} aria-hidden className="text-accent" />
        <span className="tabular-nums">{count(moves)} moved</span>
      </button>
    </div>
  )
}

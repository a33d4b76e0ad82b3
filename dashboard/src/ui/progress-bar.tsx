import { cx } from './cx.ts'

/** `value` from 0 to 1. */
export function ProgressBar({ value, label, className }: { value: number; label: string; className?: string }) {
  const percent = Math.round(Math.min(1, Math.max(0, value)) * 100)
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      className={cx('h-0.5 overflow-hidden', className)}
    >
      <div className="h-full origin-left bg-work" style={{ transform: `scaleX(${percent / 100})` }} />
    </div>
  )
}

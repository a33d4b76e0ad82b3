import type { ComponentProps } from 'react'
import { cx } from './cx.ts'

export interface FilterChipProps extends ComponentProps<'button'> {
  pressed: boolean
  count?: number | undefined
}

/** One choice of a filter, with the number of matches. */
export function FilterChip({ pressed, count, className, children, ...rest }: FilterChipProps) {
  return (
    <button
      type="button"
      aria-pressed={pressed}
      className={cx(
        'inline-flex h-[26px] shrink-0 items-center gap-1.5 rounded-full border px-3 text-meta whitespace-nowrap pointer-coarse:h-11',
        pressed ? 'border-edge bg-selected text-text' : 'border-line text-text2 hover:bg-hover hover:text-text',
        className,
      )}
      {...rest}
    >
      {children}
      {count !== undefined && (
        <span className={cx('tabular-nums', pressed ? 'font-semibold' : 'font-medium text-text')}>
          {count.toLocaleString('en')}
        </span>
      )}
    </button>
  )
}

/** A small fact: a label, a kind, a risk. */
export function Tag({ className, ...rest }: ComponentProps<'span'>) {
  return (
    <span
      className={cx(
        'inline-flex h-5 items-center rounded-[4px] border border-line px-1.5 text-meta text-text2',
        className,
      )}
      {...rest}
    />
  )
}

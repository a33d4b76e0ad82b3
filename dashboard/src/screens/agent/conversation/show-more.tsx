import { useEffect, useRef } from 'react'
import { cx } from '../../../ui/cx.ts'

export interface ShowMoreProps {
  onShow(): void
  disabled?: boolean
  className: string
  children: string
}

/** Shows more when it scrolls into view; keyboard users can press it. */
export function ShowMore({ onShow, disabled = false, className, children }: ShowMoreProps) {
  const element = useRef<HTMLButtonElement>(null)
  const latest = useRef(onShow)
  latest.current = onShow
  useEffect(() => {
    const observer = new IntersectionObserver(entries => {
      if (entries.some(entry => entry.isIntersecting)) latest.current()
    })
    observer.observe(element.current!)
    return () => observer.disconnect()
  }, [])
  return (
    <button
      ref={element}
      type="button"
      disabled={disabled}
      onClick={onShow}
      className={cx('min-h-6 text-meta text-accent hover:underline disabled:text-text3', className)}
    >
      {children}
    </button>
  )
}

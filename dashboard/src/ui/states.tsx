import type { ReactNode } from 'react'
import { useEffect, useState } from 'react'
import { Button } from './button.tsx'
import { cx } from './cx.ts'

/** An empty state: one sentence, and what to do next. */
export function Empty({ title, children, className }: { title: ReactNode; children?: ReactNode; className?: string }) {
  return (
    <div className={cx('flex flex-col items-center justify-center gap-3 px-6 py-12 text-center', className)}>
      <p className="text-title font-medium">{title}</p>
      {children !== undefined && (
        <div className="flex w-full max-w-xl flex-col items-center gap-3 text-text2">{children}</div>
      )}
    </div>
  )
}

export interface ProblemProps {
  /** What could not be done: “The tasks could not be loaded.” */
  title: string
  error: { code: string; message: string }
  onRetry?: (() => void) | undefined
}

/** Shown when one section fails; the others keep working. */
export function Problem({ title, error, onRetry }: ProblemProps) {
  return (
    <div role="alert" className="flex flex-col items-center justify-center gap-2 px-6 py-10 text-center">
      <p className="text-title font-medium">{title}</p>
      <p className="max-w-xl text-text2">
        {error.message} <code className="font-mono text-code text-text3">{error.code}</code>
      </p>
      {onRetry !== undefined && <Button onClick={onRetry}>Retry</Button>}
    </div>
  )
}

/** True after `delayMs`: faster loads show no skeleton. */
export function useIsSlow(delayMs = 150): boolean {
  const [isSlow, setIsSlow] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setIsSlow(true), delayMs)
    return () => clearTimeout(timer)
  }, [delayMs])
  return isSlow
}

export function SkeletonLine({ className }: { className?: string }) {
  return <div className={cx('h-3 rounded-[4px] bg-hover', className)} />
}

/** Shows a skeleton of the coming layout, after a moment. */
export function Loading({ children, label = 'Loading' }: { children: ReactNode; label?: string }) {
  const isSlow = useIsSlow()
  return (
    <div aria-busy="true" aria-live="polite" className="contents">
      <span className="sr-only">{label}</span>
      {isSlow && children}
    </div>
  )
}

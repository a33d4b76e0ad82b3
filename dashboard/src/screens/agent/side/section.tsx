import type { ReactNode } from 'react'

export function Section({
  title,
  count,
  children,
}: {
  title: string
  count?: number | undefined
  children: ReactNode
}) {
  return (
    <section aria-label={title} className="border-b border-line px-4 py-3 last:border-b-0">
      <h2 className="flex items-baseline gap-2 pb-1.5 text-meta font-medium text-text2">
        {title}
        {count !== undefined && <span className="font-normal text-text3 tabular-nums">{count}</span>}
      </h2>
      {children}
    </section>
  )
}

export const Quiet = ({ children }: { children: ReactNode }) => <p className="text-meta text-text3">{children}</p>

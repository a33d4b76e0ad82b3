import type { ReactNode } from 'react'

/** A part of a page under a small heading. */
export function Section({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="min-w-0">
      <h3 className="flex items-center gap-2 pb-2 text-meta font-medium text-text3">
        {title}
        {aside}
      </h3>
      {children}
    </section>
  )
}

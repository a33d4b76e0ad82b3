import type { ReactNode } from 'react'
import { usePageTitle } from '../app/page-title.ts'
import { cx } from './cx.ts'

export interface PageProps {
  title: string
  /** Beside the title: filters. */
  filters?: ReactNode
  /** At the right: search and buttons, the main action last. */
  actions?: ReactNode
  /** The page scrolls as a whole (default), or its children do. */
  scrolls?: boolean
  children: ReactNode
}

/** A screen of the shell: its header with the only `h1`, and its content. */
export function Page({ title, filters, actions, scrolls = true, children }: PageProps) {
  usePageTitle(title)
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex min-h-[52px] shrink-0 flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-5 py-2">
        <h1 className="text-title font-semibold">{title}</h1>
        {filters !== undefined && (
          // On a phone, filters get their own row below the title and the actions.
          <div className="flex min-w-0 items-center gap-2 overflow-x-auto max-tablet:order-last max-tablet:w-full">
            {filters}
          </div>
        )}
        {actions !== undefined && <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      <div className={cx('min-h-0 flex-1', scrolls ? 'overflow-auto' : 'flex flex-col')}>{children}</div>
    </div>
  )
}

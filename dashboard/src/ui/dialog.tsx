import { Dialog as Base } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import type { ReactNode, RefObject } from 'react'
import { IconButton } from './button.tsx'
import { cx } from './cx.ts'

export interface DialogProps {
  open: boolean
  onOpenChange(open: boolean): void
  title: string
  description?: ReactNode
  /** Buttons at the bottom right, the main action last. */
  footer?: ReactNode
  /** In pixels; on a phone the dialog is a sheet over the whole width. */
  width?: number
  initialFocus?: RefObject<HTMLElement | null>
  children?: ReactNode
}

export function Dialog(props: DialogProps) {
  const { open, onOpenChange, title, description, footer, width = 520, initialFocus, children } = props
  return (
    <Base.Root open={open} onOpenChange={onOpenChange}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-[rgb(0_0_0/0.5)] transition-opacity duration-[120ms] data-[ending-style]:opacity-0 data-[starting-style]:opacity-0" />
        <Base.Popup
          {...(initialFocus !== undefined && { initialFocus })}
          style={{ '--dialog-width': `${width}px` } as React.CSSProperties}
          className={cx(
            'overlay-motion fixed z-50 flex flex-col border border-line bg-card text-text shadow-overlay outline-none',
            'inset-x-0 bottom-0 max-h-[92dvh] rounded-t-dialog pb-[env(safe-area-inset-bottom)]',
            'tablet:inset-x-auto tablet:bottom-auto tablet:top-[12vh] tablet:left-1/2 tablet:max-h-[76vh] tablet:w-[min(var(--dialog-width),calc(100vw-40px))] tablet:-translate-x-1/2 tablet:rounded-dialog tablet:pb-0',
          )}
        >
          <header className="flex items-start gap-2 px-5 pt-4 pb-2">
            <div className="min-w-0 flex-1">
              <Base.Title className="text-title font-semibold">{title}</Base.Title>
              {description !== undefined && (
                <Base.Description className="mt-0.5 text-body text-text2">{description}</Base.Description>
              )}
            </div>
            <Base.Close render={<IconButton label="Close" className="-mr-2" />}>
              <X size={16} aria-hidden />
            </Base.Close>
          </header>
          <div className="min-h-0 flex-1 overflow-auto px-5 pt-1 pb-4">{children}</div>
          {footer !== undefined && (
            <footer className="flex flex-wrap items-center justify-end gap-2 border-t border-line px-5 py-3">
              {footer}
            </footer>
          )}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

import { Toast } from '@base-ui/react/toast'
import { useRouter } from '@tanstack/react-router'
import { X } from 'lucide-react'
import { pageAddress } from '../app/page-address.ts'
import { type ToastData, toastManager } from '../app/toasts.ts'
import { IconButton } from '../ui/button.tsx'
import { cx } from '../ui/cx.ts'
import { ToneMark } from '../ui/status.tsx'

const SHOWN = 3

export function Toasts() {
  return (
    <Toast.Provider toastManager={toastManager} limit={SHOWN}>
      <Toast.Portal>
        <Toast.Viewport className="fixed right-4 bottom-[calc(64px+env(safe-area-inset-bottom))] z-60 flex w-[min(360px,calc(100vw-32px))] flex-col gap-2 tablet:bottom-4">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  )
}

function ToastList() {
  const { toasts } = Toast.useToastManager<ToastData>()
  const router = useRouter()
  return toasts.map(item => (
    <Toast.Root
      key={item.id}
      toast={item}
      className={cx(
        'overlay-motion flex items-start gap-2 rounded-card border bg-card py-2 pr-1 pl-3 shadow-overlay data-[limited]:hidden',
        item.data?.tone === 'needs' ? 'border-needs' : 'border-line',
      )}
    >
      <Toast.Content className="min-w-0 flex-1 py-1">
        <ToneMark tone={item.data?.tone ?? 'quiet'} className="whitespace-normal!">
          <Toast.Title
            render={item.data?.href === undefined ? <span /> : <button type="button" />}
            className={cx(
              'text-left text-body font-medium text-text',
              item.data?.href !== undefined && 'cursor-pointer hover:underline',
            )}
            onClick={() =>
              item.data?.href !== undefined && router.history.push(pageAddress(router.basepath, item.data.href))
            }
          />
        </ToneMark>
        <Toast.Description className="mt-0.5 text-meta text-text2 empty:hidden" />
        <Toast.Action className="mt-1.5 rounded-control border border-line px-2 py-0.5 text-meta font-medium hover:bg-hover empty:hidden" />
      </Toast.Content>
      <Toast.Close render={<IconButton label="Close" />}>
        <X size={14} aria-hidden />
      </Toast.Close>
    </Toast.Root>
  ))
}

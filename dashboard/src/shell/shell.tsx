import { Outlet } from '@tanstack/react-router'
import { usePhone } from '../ui/use-phone.ts'
import { BottomBar } from './bottom-bar.tsx'
import { ConnectionNews } from './connection-news.tsx'
import { GlobalActions } from './global-actions.tsx'
import { Notifications } from './notifications.tsx'
import { Rail } from './rail.tsx'
import { Toasts } from './toasts.tsx'

/** What stays while screens change: the rail (on a phone, the bottom bar), the global actions, the toasts. */
export function Shell() {
  const isPhone = usePhone()
  return (
    <div className="flex h-dvh flex-col tablet:flex-row">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-60 focus:bg-card focus:p-2"
      >
        Skip to content
      </a>
      {!isPhone && <Rail />}
      <main id="main" tabIndex={-1} className="min-h-0 min-w-0 flex-1 outline-none">
        <Outlet />
      </main>
      {isPhone && <BottomBar />}
      <GlobalActions />
      <Notifications />
      <ConnectionNews />
      <Toasts />
    </div>
  )
}

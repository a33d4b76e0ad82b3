import { Toast } from '@base-ui/react/toast'

/** The one stack of toasts of the page; `Toasts` draws it. */
export const toastManager = Toast.createToastManager<ToastData>()

export interface ToastData {
  tone: 'needs' | 'bad' | 'ok' | 'quiet'
  /** The page that a click opens. */
  href?: string
}

export interface ToastOptions extends Partial<ToastData> {
  /** Replaces a toast with the same id: “3 agents need you” instead of three toasts. */
  id?: string
  description?: string
  action?: { label: string; run(): void }
  /** 0: stays until it is closed. */
  timeoutMs?: number
}

export function toast(title: string, options: ToastOptions = {}): string {
  const { id, description, action, timeoutMs = 6000, tone = 'quiet', href } = options
  const data: ToastData = { tone, ...(href !== undefined && { href }) }
  return toastManager.add({
    title,
    description,
    timeout: timeoutMs,
    priority: tone === 'needs' ? 'high' : 'low',
    data,
    ...(id !== undefined && { id }),
    ...(action !== undefined && { actionProps: { children: action.label, onClick: action.run } }),
  })
}

export const closeToast = (id: string): void => toastManager.close(id)

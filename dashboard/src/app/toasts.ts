import { Toast } from '@base-ui/react/toast'

/** One stack for the whole page; `Toasts` draws it. */
export const toastManager = Toast.createToastManager<ToastData>()

export interface ToastData {
  tone: 'needs' | 'bad' | 'ok' | 'quiet'
  /** Where it leads. */
  href?: string
}

export interface ToastOptions extends Partial<ToastData> {
  /** The same id replaces the one that is shown: “3 agents need you” instead of three. */
  id?: string
  description?: string
  action?: { label: string; run(): void }
  /** 0 stays until it is closed. */
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

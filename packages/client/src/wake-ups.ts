/** Calls `wake` when a broken connection may work again. Returns a function that stops this. */
export type WakeUps = (wake: () => void) => () => void

/** The browser globals used here; elsewhere they do not exist. */
interface Page {
  addEventListener?: unknown
  document?: EventTarget & { readonly visibilityState: string }
}

/**
 * Wakes when the page is back: its network (`online`), its tab (`visibilitychange`), or the whole page from the cache
 * (`pageshow`) or from a freeze (`resume`). Timers of a hidden page run late, so a wait for the next attempt may be far
 * from over. Does nothing where there is no page.
 */
export const pageWakeUps: WakeUps = wake => {
  const { document, addEventListener } = globalThis as Page
  if (document === undefined || typeof addEventListener !== 'function') return () => {}
  const window = globalThis as unknown as EventTarget
  const wakeWhenVisible = () => {
    if (document.visibilityState === 'visible') wake()
  }
  const listeners: [EventTarget, string, () => void][] = [
    [window, 'online', wake],
    [window, 'pageshow', wake],
    [document, 'resume', wake],
    [document, 'visibilitychange', wakeWhenVisible],
  ]
  for (const [target, type, listener] of listeners) target.addEventListener(type, listener)
  return () => {
    for (const [target, type, listener] of listeners) target.removeEventListener(type, listener)
  }
}

import type { DashboardClient } from '@fleetwire/client'
import { cleanup, render, waitFor } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import type { Test } from 'tap'
import { FleetwireProvider } from '../index.ts'

/** Renders under a provider and StrictMode. Cleans up at the end of the test. */
export function show(t: Test, client: DashboardClient, children: ReactNode) {
  t.after(() => {
    cleanup()
    client.close()
  })
  const page = (content: ReactNode) => (
    <StrictMode>
      <FleetwireProvider client={client}>{content}</FleetwireProvider>
    </StrictMode>
  )
  const { rerender, unmount } = render(page(children))
  return { rerender: (content: ReactNode) => rerender(page(content)), unmount }
}

/** Runs a hook in its own component, and records its return values. */
export function probe<T>(t: Test, client: DashboardClient, use: () => T) {
  const seen: T[] = []
  let hook = use
  function Probe() {
    seen.push(hook())
    return null
  }
  const { rerender, unmount } = show(t, client, <Probe />)
  return {
    /** Every returned value, oldest first; StrictMode renders each twice. */
    seen,
    unmount,
    now: () => seen.at(-1)!,
    again(next: () => T = hook) {
      hook = next
      rerender(<Probe />)
    },
    until: <S,>(look: (value: T) => S) =>
      waitFor(
        () => {
          const found = look(seen.at(-1)!)
          if (found) return found
          throw new Error(`not yet: ${JSON.stringify(seen.at(-1))}`)
        },
        { timeout: 10_000, interval: 5 },
      ),
  }
}

/** Waits until the next frame has been flushed and rendered. */
export const frame = () => new Promise<void>(resolve => requestAnimationFrame(() => setTimeout(resolve)))

import { useRef, useState } from 'react'

/** How many blocks of one text are mounted, and how many more when the user scrolls to either end of them. */
export const MOUNTED = 60

export interface BlockWindow {
  from: number
  to: number
  showEarlier(): void
  showLater(): void
}

/** Which blocks are mounted: the last ones while following the end, otherwise those the user is looking at. */
export function useBlockWindow(count: number, isFollowing: boolean): BlockWindow {
  const held = useRef({ from: 0, to: 0 })
  const [, render] = useState(0)
  const window = held.current
  if (isFollowing || window.to > count) {
    window.from = Math.max(0, count - MOUNTED)
    window.to = count
  } else if (count - window.from <= 2 * MOUNTED) window.to = count
  const change = (next: Partial<typeof window>) => {
    Object.assign(held.current, next)
    render(times => times + 1)
  }
  return {
    ...window,
    showEarlier: () => change({ from: Math.max(0, window.from - MOUNTED) }),
    showLater: () => change({ to: Math.min(count, window.to + MOUNTED) }),
  }
}

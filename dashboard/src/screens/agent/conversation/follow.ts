import { createContext, type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'

/** Whether the view follows the end of the conversation. */
export const FollowContext = createContext(true)

/** Within this distance of the end, the view follows new content. */
const NEAR_PX = 40
/** A scroll this soon after a wheel, key or touch event is the user's; others come from new content. */
const INTENT_MS = 1000

export interface Follow {
  scroller: RefObject<HTMLDivElement | null>
  content: RefObject<HTMLDivElement | null>
  isFollowing: boolean
  toEnd(): void
}

/** Keeps the end of growing content in view until the user scrolls away from it. */
export function useFollow(): Follow {
  const scroller = useRef<HTMLDivElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const [isFollowing, setIsFollowing] = useState(true)
  const follows = useRef(true)
  const set = useCallback((next: boolean) => {
    follows.current = next
    setIsFollowing(next)
  }, [])
  const pin = useCallback(() => {
    const element = scroller.current
    if (element !== null && follows.current) element.scrollTop = element.scrollHeight
  }, [])

  useEffect(() => {
    const element = scroller.current!
    let intentAt = Number.NEGATIVE_INFINITY
    let isPressed = false
    let top = element.scrollTop
    const intent = () => {
      intentAt = performance.now()
    }
    const press = () => {
      isPressed = true
    }
    const release = () => {
      isPressed = false
      intent()
    }
    const onScroll = () => {
      const isUp = element.scrollTop < top
      top = element.scrollTop
      if (element.scrollHeight - element.clientHeight - top <= NEAR_PX) return set(true)
      if (isUp && (isPressed || performance.now() - intentAt < INTENT_MS)) set(false)
    }
    const options = { passive: true }
    const listeners: [EventTarget, string, EventListener][] = [
      [element, 'scroll', onScroll],
      [element, 'wheel', intent],
      [element, 'touchmove', intent],
      [element, 'keydown', intent],
      [element, 'pointerdown', press],
      [window, 'pointerup', release],
    ]
    for (const [target, name, listener] of listeners) target.addEventListener(name, listener, options)
    const observer = new ResizeObserver(pin)
    observer.observe(content.current!)
    observer.observe(element)
    return () => {
      observer.disconnect()
      for (const [target, name, listener] of listeners) target.removeEventListener(name, listener)
    }
  }, [pin, set])
  useLayoutEffect(pin)

  const toEnd = useCallback(() => {
    set(true)
    pin()
  }, [pin, set])
  return { scroller, content, isFollowing, toEnd }
}

import { type FocusEvent, type PointerEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { PreviewTarget } from './terminal-preview.tsx'

/** How long the pointer or the focus must rest before a preview appears. */
const REST_MS = 300

export interface PreviewHandlers {
  onPointerOver(event: PointerEvent): void
  onPointerLeave(): void
  onFocus(event: FocusEvent): void
  onBlur(): void
  hide(): void
}

/** The agent whose screen is previewed because the pointer or the focus rests on it. */
export function usePreview(): { target: PreviewTarget | undefined; handlers: PreviewHandlers } {
  const [target, setTarget] = useState<PreviewTarget>()
  const wanted = useRef<string>(undefined)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const hide = useCallback(() => {
    clearTimeout(timer.current)
    wanted.current = undefined
    setTarget(undefined)
  }, [])
  const rest = useCallback(
    (on: EventTarget) => {
      const element = on instanceof Element ? on.closest<HTMLElement>('[data-agent-id]') : null
      const agentId = element?.dataset.agentId
      if (element === null || agentId === undefined) return hide()
      if (agentId === wanted.current) return
      hide()
      wanted.current = agentId
      timer.current = setTimeout(() => {
        if (!element.isConnected) return
        const { left, top, bottom, width } = element.getBoundingClientRect()
        setTarget({ agentId, rect: { left, top, bottom, width } })
      }, REST_MS)
    },
    [hide],
  )
  const handlers = useMemo(
    (): PreviewHandlers => ({
      // A tap opens the agent at once.
      onPointerOver: ({ target: on, pointerType }) => pointerType !== 'touch' && rest(on),
      onPointerLeave: hide,
      onFocus: ({ target: on }) => on.matches(':focus-visible') && rest(on),
      onBlur: hide,
      hide,
    }),
    [rest, hide],
  )
  return { target, handlers }
}

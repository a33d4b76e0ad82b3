import { type FocusEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from 'react'

export interface EngagedHandlers {
  onPointerEnter(event: PointerEvent): void
  onPointerLeave(): void
  onFocus(): void
  onBlur(event: FocusEvent<HTMLElement>): void
  /** The ref of the list; while it is not mounted, nobody is engaged with it. */
  ref(element: HTMLElement | null): void
}

/** Whether the pointer or the focus is in an element. Touch does not count: fingers do not hover before they tap. */
export function useEngaged(): { isEngaged: boolean; handlers: EngagedHandlers } {
  const [hasPointer, setPointer] = useState(false)
  const [hasFocus, setFocus] = useState(false)
  const gone = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(gone.current), [])
  const handlers = useMemo(
    (): EngagedHandlers => ({
      onPointerEnter: ({ pointerType }) => pointerType !== 'touch' && setPointer(true),
      onPointerLeave: () => setPointer(false),
      onFocus: () => setFocus(true),
      onBlur({ currentTarget, relatedTarget }) {
        if (!currentTarget.contains(relatedTarget)) setFocus(false)
      },
      ref(element) {
        clearTimeout(gone.current)
        // No event fires when an element is removed under the pointer.
        if (element === null) {
          gone.current = setTimeout(() => {
            setPointer(false)
            setFocus(false)
          })
        }
      },
    }),
    [],
  )
  return { isEngaged: hasPointer || hasFocus, handlers }
}

import { type RefObject, useEffect } from 'react'
import { type Emulator, FONT_SIZE, type Size } from './emulator.ts'

/** Smaller text is unreadable. */
const SMALLEST = 8

/** On a narrow page, shrinks the font of a terminal whose size another viewer controls, so that whole lines fit. */
export function useFontSize(o: {
  emulator: Emulator | undefined
  host: RefObject<HTMLElement | null>
  size: Size | undefined
  shrinks: boolean
}): void {
  const { emulator, host, size, shrinks } = o
  useEffect(() => {
    if (emulator === undefined || size === undefined || host.current === null) return
    const { options, element } = emulator.terminal
    const drawn = element?.querySelector('.xterm-screen')?.clientWidth ?? 0
    const widthPerSize = drawn / size.cols / (options.fontSize ?? FONT_SIZE)
    const fitting = Math.floor((host.current.clientWidth - 12) / size.cols / widthPerSize)
    const wanted = shrinks && Number.isFinite(fitting) ? Math.max(SMALLEST, Math.min(FONT_SIZE, fitting)) : FONT_SIZE
    if (options.fontSize !== wanted) options.fontSize = wanted
  }, [emulator, host, size, shrinks])
}

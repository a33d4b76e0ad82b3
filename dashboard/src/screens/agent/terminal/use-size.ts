import type { Terminal } from '@fleetwire/react'
import { type RefObject, useCallback, useEffect, useRef, useState } from 'react'
import type { Emulator, Size } from './emulator.ts'

/** Who controls the size of the terminal: this page, another viewer, or the program's own window. */
export type SizeOwner = 'you' | 'other' | 'itself' | 'nobody'

const SETTLE_MS = 150
/** A program in its own window accepts a resize but keeps its size. */
const TAKES_MS = 1500

export interface TerminalSize {
  size: Size | undefined
  owner: SizeOwner
  /** Requests the size that fills this page. */
  fit(): void
}

/** Fits the program's terminal to the page, unless another viewer did so before. */
export function useSize(o: {
  emulator: Emulator | undefined
  host: RefObject<HTMLElement | null>
  terminal: Terminal
  size: Size | undefined
  mayResize: boolean
  automatic: boolean
}): TerminalSize {
  const { emulator, host, terminal, size, mayResize, automatic } = o
  const [owner, setOwner] = useState<SizeOwner>('nobody')
  const { resize, state, terminalId } = terminal
  const latest = useRef(size)
  latest.current = size
  const isOpen = mayResize && state === 'open'
  const fit = useCallback(async () => {
    const wanted = emulator?.fitting
    if (wanted === undefined) return
    const result = await resize(wanted.cols, wanted.rows)
    if (!result.ok) {
      if (result.error.code === 'conflict') setOwner('other')
      return
    }
    setOwner('you')
    setTimeout(() => {
      const now = latest.current
      if (
        now !== undefined &&
        (now.cols !== wanted.cols || now.rows !== wanted.rows) &&
        isSame(emulator?.fitting, wanted)
      )
        setOwner('itself')
    }, TAKES_MS)
  }, [emulator, resize])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the owner is reset for each terminal
  useEffect(() => setOwner('nobody'), [terminalId])
  // biome-ignore lint/correctness/useExhaustiveDependencies: each terminal is fitted when it begins
  useEffect(() => {
    if (!isOpen || !automatic || host.current === null) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const observer = new ResizeObserver(() => {
      clearTimeout(timer)
      timer = setTimeout(() => void fit(), SETTLE_MS)
    })
    observer.observe(host.current)
    void fit()
    return () => {
      clearTimeout(timer)
      observer.disconnect()
    }
  }, [isOpen, automatic, fit, host, terminalId])
  return { size, owner, fit: () => void fit() }
}

const isSame = (a: Size | undefined, b: Size): boolean => a?.cols === b.cols && a.rows === b.rows

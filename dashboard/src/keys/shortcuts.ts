import { useEffect, useRef } from 'react'
import { create } from 'zustand'
import { isComposing } from './is-composing.ts'
import { keyNames, nextKey, pressed } from './key-match.ts'

export interface Shortcut {
  /** In the notation of `pressed`: `mod+k`, `g f`. Empty for an action without a key, which is only in the palette. */
  keys: string
  /** What it does: “Stop this command”. Shown in the palette and in the help. */
  label: string
  /** The heading there: “Go to”, “Agent”. */
  group: string
  run(): void
  /** Also works while the user types. */
  inInputs?: boolean
  /** Not in the palette: moving in a list makes no sense there. */
  keyOnly?: boolean
}

interface Entry extends Shortcut {
  readonly id: number
}

/** All actions available now. For equal keys the latest addition wins: it belongs to what is on top. */
export const useShortcutStore = create<{ entries: readonly Entry[] }>(() => ({ entries: [] }))

const isMac = /mac|iphone|ipad/i.test(navigator.platform)
export const shownKeys = (keys: string): string => keyNames(keys, isMac)

let nextId = 0

export function addShortcuts(shortcuts: readonly Shortcut[]): () => void {
  const added = shortcuts.map(shortcut => ({ ...shortcut, id: nextId++ }))
  useShortcutStore.setState(({ entries }) => ({ entries: [...entries, ...added] }))
  return () =>
    useShortcutStore.setState(({ entries }) => ({ entries: entries.filter(entry => !added.includes(entry)) }))
}

/**
 * Adds actions while a component is mounted. They always run the latest closure; the registration is updated only when
 * keys, labels or groups change.
 */
export function useShortcuts(shortcuts: readonly Shortcut[], enabled = true): void {
  const latest = useRef(shortcuts)
  latest.current = shortcuts
  const shape = JSON.stringify(shortcuts)
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` represents all of `shortcuts` except its functions
  useEffect(() => {
    if (!enabled) return
    return addShortcuts(
      latest.current.map((shortcut, index) => ({ ...shortcut, run: () => latest.current[index]?.run() })),
    )
  }, [shape, enabled])
}

const SEQUENCE_MS = 1000

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.closest('input:not([type=checkbox]), textarea, select, [data-terminal]') !== null)

/** A list of the page itself is not an overlay: the keys are for its rows. */
const isInOverlay = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest('[role=dialog], [role=menu], [role=listbox]:not(main *)') !== null

/** Listens to the keyboard; returns a function that stops listening. */
export function listenToKeys(): () => void {
  let pending = ''
  let timer: ReturnType<typeof setTimeout> | undefined
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || isComposing(event) || ['Shift', 'Control', 'Alt', 'Meta'].includes(event.key)) return
    const { entries } = useShortcutStore.getState()
    const usable = entries.filter(
      entry => entry.keys !== '' && (entry.inInputs || !(isTyping(event.target) || isInOverlay(event.target))),
    )
    clearTimeout(timer)
    const next = nextKey(
      pending,
      pressed(event),
      usable.map(({ keys }) => keys),
    )
    pending = next.pending
    if (pending !== '') timer = setTimeout(() => (pending = ''), SEQUENCE_MS)
    const entry = usable.findLast(({ keys }) => keys === next.match)
    if (entry === undefined) return
    // Enter and Space on a button or link activate it.
    if (/^(enter| )$/.test(entry.keys) && event.target instanceof HTMLElement && event.target.closest('button, a'))
      return
    event.preventDefault()
    entry.run()
  }
  document.addEventListener('keydown', onKey)
  return () => {
    clearTimeout(timer)
    document.removeEventListener('keydown', onKey)
  }
}

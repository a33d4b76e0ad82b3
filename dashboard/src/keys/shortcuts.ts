import { useEffect, useRef } from 'react'
import { create } from 'zustand'
import { isComposing } from './is-composing.ts'
import { keyNames, nextKey, pressed } from './key-match.ts'

export interface Shortcut {
  /** As `pressed` says it: `mod+k`, `g f`. Empty for an action that has no key and stands in the palette alone. */
  keys: string
  /** What it does: “Stop this command”. Shown in the palette and in the help. */
  label: string
  /** Its heading there: “Go to”, “Agent”. */
  group: string
  run(): void
  /** Also while somebody types. */
  inInputs?: boolean
  /** Not in the palette: moving in a list makes no sense there. */
  keyOnly?: boolean
}

interface Entry extends Shortcut {
  readonly id: number
}

/** All actions that can be done now. One that was added later wins its keys: what is on top answers. */
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
 * Actions of a component, for as long as it is shown. They always run with the latest closure; keys, labels and groups
 * are looked at again when they change.
 */
export function useShortcuts(shortcuts: readonly Shortcut[], enabled = true): void {
  const latest = useRef(shortcuts)
  latest.current = shortcuts
  const shape = JSON.stringify(shortcuts)
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for all of `shortcuts` but its functions
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

/** A list of the page itself is no overlay: its rows are what the keys are for. */
const isInOverlay = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest('[role=dialog], [role=menu], [role=listbox]:not(main *)') !== null

/** Listens to the keyboard of the page; returns a function that ends it. */
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
    // Enter and Space on a button press it.
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

/** Walking through what was sent before, as in a shell. */
export interface History {
  /** Newest first, without repetitions. */
  readonly entries: readonly string[]
  /** -1: what is being written. */
  readonly at: number
  readonly draft: string
}

export const emptyHistory: History = { entries: [], at: -1, draft: '' }

export function historyOf(inputs: readonly string[], draft: string): History {
  return { entries: [...new Set(inputs.filter(input => input.trim() !== ''))], at: -1, draft }
}

/** One entry further back (`1`) or forth (`-1`); undefined where there is no other. */
export function step(history: History, by: 1 | -1): History | undefined {
  const at = history.at + by
  return at < -1 || at >= history.entries.length ? undefined : { ...history, at }
}

export const shownEntry = ({ entries, at, draft }: History): string => (at === -1 ? draft : entries[at]!)

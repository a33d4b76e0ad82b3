/** A walk through earlier inputs, as in a shell. */
export interface History {
  /** Newest first, without duplicates. */
  readonly entries: readonly string[]
  /** -1: the draft. */
  readonly at: number
  readonly draft: string
}

export const emptyHistory: History = { entries: [], at: -1, draft: '' }

export function historyOf(inputs: readonly string[], draft: string): History {
  return { entries: [...new Set(inputs.filter(input => input.trim() !== ''))], at: -1, draft }
}

/** One entry back (`1`) or forward (`-1`); undefined if there is none. */
export function step(history: History, by: 1 | -1): History | undefined {
  const at = history.at + by
  return at < -1 || at >= history.entries.length ? undefined : { ...history, at }
}

export const shownEntry = ({ entries, at, draft }: History): string => (at === -1 ? draft : entries[at]!)

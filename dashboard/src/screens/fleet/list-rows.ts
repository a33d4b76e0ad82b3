/** A row of the agent list. */
export type ListRow =
  | { readonly type: 'heading'; readonly key: string; readonly label: string; readonly count: number }
  | { readonly type: 'line'; readonly key: string; readonly ids: readonly string[] }

export interface ListGroup {
  readonly key: string
  /** Empty if there is no heading. */
  readonly label: string
  readonly ids: readonly string[]
}

export function listRows(groups: readonly ListGroup[], columns: number): ListRow[] {
  const rows: ListRow[] = []
  for (const { key, label, ids } of groups) {
    if (ids.length === 0) continue
    if (label !== '') rows.push({ type: 'heading', key: `group ${key}`, label, count: ids.length })
    for (let i = 0; i < ids.length; i += columns) {
      rows.push({ type: 'line', key: `line ${ids[i]}`, ids: ids.slice(i, i + columns) })
    }
  }
  return rows
}

export type Move = 'next' | 'previous' | 'up' | 'down' | 'first' | 'last' | 'page-up' | 'page-down'

/** How many lines Page Up and Page Down move by. */
const PAGE_LINES = 5

/** The target of a move; without `from`, the first (or last) agent. Undefined if the list is empty. */
export function moved(rows: readonly ListRow[], from: string | undefined, move: Move): string | undefined {
  const lines = rows.filter(row => row.type === 'line')
  if (lines.length === 0) return undefined
  const first = lines[0]!.ids[0]!
  const last = lines.at(-1)!.ids.at(-1)!
  const at = from === undefined ? -1 : lines.findIndex(({ ids }) => ids.includes(from))
  if (at === -1) return move === 'last' ? last : first
  const column = lines[at]!.ids.indexOf(from!)
  const inLine = (line: number): string => {
    const { ids } = lines[Math.min(lines.length - 1, Math.max(0, line))]!
    return ids[Math.min(column, ids.length - 1)]!
  }
  switch (move) {
    case 'first':
      return first
    case 'last':
      return last
    case 'next':
      return lines[at]!.ids[column + 1] ?? lines[at + 1]?.ids[0] ?? last
    case 'previous':
      return lines[at]!.ids[column - 1] ?? lines[at - 1]?.ids.at(-1) ?? first
    case 'up':
      return at === 0 ? from! : inLine(at - 1)
    case 'down':
      return at === lines.length - 1 ? from! : inLine(at + 1)
    case 'page-up':
      return inLine(at - PAGE_LINES)
    case 'page-down':
      return inLine(at + PAGE_LINES)
    default:
      return move satisfies never
  }
}

/** The ids from one to another, in the order of the list. */
export function between(ids: readonly string[], from: string, to: string): readonly string[] {
  const [a, b] = [ids.indexOf(from), ids.indexOf(to)]
  if (a === -1 || b === -1) return [to]
  return ids.slice(Math.min(a, b), Math.max(a, b) + 1)
}

/** The index of the row that contains an agent. */
export const rowOf = (rows: readonly ListRow[], id: string): number =>
  rows.findIndex(row => row.type === 'line' && row.ids.includes(id))

/** The next id after `from` for which `holds` is true; wraps around and checks `from` last. */
export function nextOf(
  ids: readonly string[],
  from: string | undefined,
  holds: (id: string) => boolean,
): string | undefined {
  const at = from === undefined ? -1 : ids.indexOf(from)
  return [...ids.slice(at + 1), ...ids.slice(0, at + 1)].find(holds)
}

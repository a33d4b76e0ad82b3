import type { FinishedCommand, JournalEntry } from '../journal.ts'

export type JournalLine =
  | { op: 'accepted'; commandId: string; attempt: number; at: number }
  | ({ op: 'finished'; at: number } & FinishedCommand)
  | { op: 'delivered'; commandId: string }
  | { op: 'forget'; commandId: string }

type Accepted = Extract<JournalLine, { op: 'accepted' }>
type Finished = Extract<JournalLine, { op: 'finished' }>

/** What the journal says about a command: the line that counts, and whether the result was delivered. */
export interface Known {
  line: Accepted | Finished
  delivered: boolean
}

const NEWLINE = 0x0a

/** The state that a journal file describes. Text after the last newline is an incomplete line of a dying process. */
export function parseJournal(bytes: Uint8Array): Map<string, Known> {
  const known = new Map<string, Known>()
  const whole = bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1)
  for (const text of new TextDecoder().decode(whole).split('\n')) {
    const line = parseLine(text)
    if (line !== undefined) applyLine(known, line)
  }
  return known
}

/** A line corrupted by a failing disk is ignored; the others still count. */
function parseLine(text: string): JournalLine | undefined {
  try {
    const line = JSON.parse(text) as JournalLine
    return typeof line.op === 'string' && typeof line.commandId === 'string' ? line : undefined
  } catch {
    return undefined
  }
}

export function applyLine(known: Map<string, Known>, line: JournalLine): void {
  const { commandId } = line
  switch (line.op) {
    case 'accepted':
    case 'finished':
      known.set(commandId, { line, delivered: false })
      return
    case 'delivered': {
      const entry = known.get(commandId)
      if (entry !== undefined) known.set(commandId, { ...entry, delivered: true })
      return
    }
    case 'forget':
      known.delete(commandId)
      return
    default:
      line satisfies never
  }
}

/** The fewest lines that describe the same state. */
export function linesOf({ line, delivered }: Known): JournalLine[] {
  return delivered ? [line, { op: 'delivered', commandId: line.commandId }] : [line]
}

export function entryOf({ line, delivered }: Known): JournalEntry {
  const { commandId, attempt } = line
  if (line.op === 'accepted') return { state: 'accepted', commandId, attempt }
  const { outcome, interactions } = line
  return { state: 'finished', commandId, attempt, outcome, ...(interactions && { interactions }), delivered }
}

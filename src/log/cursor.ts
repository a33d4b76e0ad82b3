import { randomBytes } from 'node:crypto'

/** A position in the order of one log. */
export interface Position {
  epoch: string
  seq: number
}

const CURSOR = /^([A-Za-z0-9]{1,32})\.([0-9a-z]{1,11})(?:~[0-9a-f]{16})?$/

/** `<epoch>.<seq in base 36>`. Opaque outside of this folder. */
export function encodeCursor(epoch: string, seq: number): string {
  return `${epoch}.${seq.toString(36)}`
}

/**
 * A unique cursor at the position of another event, for an event that is delivered but not kept. Readers tell events
 * apart by their cursors; resuming from it resumes from that position.
 */
export function besideCursor(cursor: string): string {
  return `${cursor.split('~', 1)[0]}~${randomBytes(8).toString('hex')}`
}

/**
 * The position of a cursor; undefined for anything that `encodeCursor` cannot have made. Never throws, since cursors
 * come from clients. Only the canonical spelling of a position is accepted.
 */
export function decodeCursor(cursor: string): Position | undefined {
  const match = CURSOR.exec(String(cursor))
  if (match === null) return undefined
  const [, epoch, digits] = match as unknown as [string, string, string]
  const seq = Number.parseInt(digits, 36)
  return Number.isSafeInteger(seq) && seq.toString(36) === digits ? { epoch, seq } : undefined
}

/** The cursor just before that of an event; undefined if `cursor` is invalid or has nothing before it. */
export function cursorBefore(cursor: string): string | undefined {
  const position = decodeCursor(cursor)
  return position === undefined || position.seq === 0 ? undefined : encodeCursor(position.epoch, position.seq - 1)
}

/**
 * The same position in a copy of the cursor's log. Only for cursors stored in a record of that log: one that a client
 * holds may be from after the copy.
 */
export function cursorInCopy(cursor: string, epoch: string): string {
  const position = decodeCursor(cursor)
  return position === undefined ? cursor : encodeCursor(epoch, position.seq)
}

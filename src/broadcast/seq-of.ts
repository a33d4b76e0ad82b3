import { decodeCursor } from '../log/cursor.ts'

/** The position of a cursor that the log itself made; not for cursors from clients. */
export const seqOf = (cursor: string): number => decodeCursor(cursor)!.seq

import { decodeCursor } from '../log/cursor.ts'

/** The position of a cursor that the log itself made; never for one that came from a client. */
export const seqOf = (cursor: string): number => decodeCursor(cursor)!.seq

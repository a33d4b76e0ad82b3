import type { Cast } from './asciicast.ts'
import type { ScreenSize, ScreenState } from './screen.ts'

/** What can be read of a screen. A read comes after everything that was sent before it. */
export interface Readings {
  state: ScreenState
  /** As UTF-8. */
  text: Uint8Array
}
export type ReadingName = keyof Readings

/** To the drawing thread. The sender chooses the numbers `screen` and `call`; the work counts against `owner`. */
export type ToDrawer =
  | ({ type: 'open'; screen: number; owner: string; offset: number } & ScreenSize)
  /** `answer`: the offsets after the queries in it that the terminal must answer, in order. */
  | { type: 'draw'; screen: number; offset: number; bytes: Uint8Array; answer: number[] }
  | ({ type: 'resize'; screen: number } & ScreenSize)
  | { type: 'read'; screen: number; call: number; what: ReadingName; scrollback?: number | undefined }
  | { type: 'cast'; call: number; owner: string; cast: Cast }
  | { type: 'close'; screen: number }

export type GivenUp = 'too_expensive' | 'failed'

export type FromDrawer =
  /** Everything before `end` is drawn. */
  | { type: 'drawn'; screen: number; end: number; cells: number }
  | { type: 'answer'; screen: number; data: string }
  | { type: 'reply'; call: number; value: Readings[ReadingName] | undefined }
  /** It is no longer drawn: pending reads are answered with `undefined`. */
  | { type: 'givenUp'; screen: number; reason: GivenUp; message: string }

/** Indexes of two numbers that both threads see: the screen being worked on (0: none), and how many steps were done. */
export const CURRENT = 0
export const STEPS = 1
export const sharedNumbers = (): Int32Array => new Int32Array(new SharedArrayBuffer(8))

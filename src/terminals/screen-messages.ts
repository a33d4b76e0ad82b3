import type { Cast } from './asciicast.ts'
import type { ScreenSize, ScreenState } from './screen.ts'

/** What can be read of a screen; each is read after everything that was sent before it. */
export interface Readings {
  state: ScreenState
  /** As UTF-8. */
  text: Uint8Array
}
export type ReadingName = keyof Readings

/** To the thread that draws. `screen` and `call` are numbers that the sender gives out; `owner` pays for the work. */
export type ToDrawer =
  | ({ type: 'open'; screen: number; owner: string; offset: number } & ScreenSize)
  /** `answer`: the queries in it (offset after each) that the terminal has to answer, in order. */
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
  /** It is drawn no more: what was asked of it is answered with `undefined`. */
  | { type: 'givenUp'; screen: number; reason: GivenUp; message: string }

/** Two numbers that both threads see: which screen is being worked on (0: none), and how many steps were done. */
export const CURRENT = 0
export const STEPS = 1
export const sharedNumbers = (): Int32Array => new Int32Array(new SharedArrayBuffer(8))

import type { Cast } from './asciicast.ts'
import type { ScreenSize, ScreenState } from './screen.ts'

/** What can be read of a screen. Reads are executed in order with the other messages. */
export interface Readings {
  state: ScreenState
  /** As UTF-8. */
  text: Uint8Array
}
export type ReadingName = keyof Readings

/** To the drawing thread. The sender chooses the numbers `screen` and `call`. The time spent is charged to `owner`. */
export type ToDrawer =
  | ({ type: 'open'; screen: number; owner: string; offset: number } & ScreenSize)
  /** `answer`: the offset after each query in `bytes` that the terminal must answer, in order. */
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
  /** The screen is no longer drawn. Pending reads get `undefined`. */
  | { type: 'givenUp'; screen: number; reason: GivenUp; message: string }

/** Indexes of two shared numbers: the screen being worked on (0: none) and the number of steps started. */
export const CURRENT = 0
export const STEPS = 1
export const sharedNumbers = (): Int32Array => new Int32Array(new SharedArrayBuffer(8))

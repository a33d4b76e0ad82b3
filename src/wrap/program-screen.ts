import { VtScanner } from '@fleetwire/protocol'
import headless, { type IMarker } from '@xterm/headless'
import { registerAnswers } from '../terminals/screen-answers.ts'
import type { ScreenView } from './judge/screen-reading.ts'

const SCROLLBACK_LINES = 5000
/** xterm yields between writes, not within one. */
const CHUNK_BYTES = 16 * 1024
/** As in the server's screens: longer control strings cost more than they show. */
const LONGEST_SEQUENCE_BYTES = 64 * 1024
/** Output that is not drawn yet at which the program is asked to wait, and at which it goes on. */
const HIGH_BYTES = 1024 * 1024
const LOW_BYTES = 256 * 1024

export interface ProgramScreenOptions {
  cols: number
  rows: number
  /** The screen answers a query of the program; without it, another terminal does. */
  onAnswer?: ((keys: string) => void) | undefined
}

/** Where in the output something began. */
export type ScreenMark = IMarker | undefined

/** The screen of the program, drawn in this process: what is judged, and what a prompt made appear. */
export class ProgramScreen {
  readonly #terminal: headless.Terminal
  /** Sequences that would take hours to draw are made harmless. */
  readonly #scanner = new VtScanner(0, { limitStringBytes: LONGEST_SEQUENCE_BYTES })
  #undrawn = 0
  #room: { promise: Promise<void>; made: () => void } | undefined

  constructor({ cols, rows, onAnswer }: ProgramScreenOptions) {
    this.#terminal = new headless.Terminal({
      ...{ cols, rows, scrollback: SCROLLBACK_LINES },
      ...{ allowProposedApi: true, logLevel: 'off' },
      windowOptions: { getWinSizeChars: true },
    })
    if (onAnswer !== undefined) registerAnswers(this.#terminal, onAnswer)
  }

  /** Does the program want to be told what is pasted (`CSI ? 2004 h`)? */
  get takesBrackets(): boolean {
    return this.#terminal.modes.bracketedPasteMode
  }

  /** A full-screen program shows its own screen, above which nothing is kept. */
  get isAlternate(): boolean {
    return this.#terminal.buffer.active.type === 'alternate'
  }

  /** `drawn` is called when these bytes are drawn. Returns a promise if the screen is far behind. */
  write(bytes: Uint8Array, drawn: () => void): Promise<void> | undefined {
    const copy = Uint8Array.from(bytes)
    this.#scanner.push(copy)
    this.#undrawn += copy.length
    for (let from = 0; from < copy.length; from += CHUNK_BYTES) {
      const chunk = copy.subarray(from, from + CHUNK_BYTES)
      this.#terminal.write(chunk, () => {
        this.#undrawn -= chunk.length
        if (this.#undrawn <= LOW_BYTES) this.#makeRoom()
        if (from + CHUNK_BYTES >= copy.length) drawn()
      })
    }
    if (this.#undrawn <= HIGH_BYTES) return undefined
    this.#room ??= newRoom()
    return this.#room.promise
  }

  /** Resolves when everything that was written is drawn. */
  settled(): Promise<void> {
    return new Promise(resolve => this.#terminal.write('', resolve))
  }

  /** After what was written before. */
  resize({ cols, rows }: { cols: number; rows: number }): void {
    this.#terminal.write('', () => this.#terminal.resize(cols, rows))
  }

  view(): Required<ScreenView> {
    const { baseY, cursorX, cursorY } = this.#terminal.buffer.active
    return { lines: this.#lines(baseY, baseY + this.#terminal.rows), cursor: { row: cursorY, col: cursorX } }
  }

  /** Marks the line of the cursor. */
  mark(): ScreenMark {
    return this.isAlternate ? undefined : this.#terminal.registerMarker(0)
  }

  /**
   * The text from the mark to the end, a line that was wrapped as one; of a full-screen program, what it shows now.
   * `isCut`: the mark has left what is kept.
   */
  since(mark: ScreenMark): { text: string; isCut: boolean } {
    const { length, baseY } = this.#terminal.buffer.active
    if (this.isAlternate) return { text: this.#text(baseY, length), isCut: false }
    const isCut = mark === undefined || mark.isDisposed || mark.line < 0
    return { text: this.#text(isCut ? 0 : mark.line, length), isCut }
  }

  dispose(): void {
    this.#terminal.dispose()
    this.#makeRoom()
  }

  #lines(from: number, to: number): string[] {
    const {
      cols,
      buffer: { active: buffer },
    } = this.#terminal
    return Array.from({ length: to - from }, (_, i) => buffer.getLine(from + i)?.translateToString(true, 0, cols) ?? '')
  }

  #text(from: number, to: number): string {
    const {
      cols,
      buffer: { active: buffer },
    } = this.#terminal
    let text = ''
    for (let y = from; y < to; y++) {
      const continued = buffer.getLine(y + 1)?.isWrapped ?? false
      text += (buffer.getLine(y)?.translateToString(!continued, 0, cols) ?? '') + (continued ? '' : '\n')
    }
    return text.replace(/\s+$/, '')
  }

  #makeRoom(): void {
    this.#room?.made()
    this.#room = undefined
  }
}

function newRoom(): { promise: Promise<void>; made: () => void } {
  let made = () => {}
  const promise = new Promise<void>(resolve => {
    made = resolve
  })
  return { promise, made }
}

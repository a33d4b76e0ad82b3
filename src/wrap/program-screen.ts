import { VtScanner } from '@fleetwire/protocol'
import headless, { type IMarker } from '@xterm/headless'
import { registerAnswers } from '../terminals/screen-answers.ts'
import type { ScreenView } from './judge/screen-reading.ts'

const SCROLLBACK_LINES = 5000
/** xterm yields between writes, not within one. */
const CHUNK_BYTES = 16 * 1024
/** As in the server's screens: longer control strings cost more than they are worth. */
const LONGEST_SEQUENCE_BYTES = 64 * 1024
/** The amounts of undrawn output at which the program must wait and at which it may continue. */
const HIGH_BYTES = 1024 * 1024
const LOW_BYTES = 256 * 1024

export interface ProgramScreenOptions {
  cols: number
  rows: number
  /** Called with the screen's answer to a query. If missing, another terminal answers. */
  onAnswer?: ((keys: string) => void) | undefined
}

/** A position in the output. */
export type ScreenMark = IMarker | undefined

/** The screen of the program, drawn in this process, to judge the program and to read its answers. */
export class ProgramScreen {
  readonly #terminal: headless.Terminal
  /** Neutralises sequences that would take hours to draw. */
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

  /** Whether the program has enabled bracketed paste (`CSI ? 2004 h`). */
  get takesBrackets(): boolean {
    return this.#terminal.modes.bracketedPasteMode
  }

  /** Whether a full-screen program shows its own screen, which has no scrollback. */
  get isAlternate(): boolean {
    return this.#terminal.buffer.active.type === 'alternate'
  }

  /** Calls `drawn` when these bytes are drawn. Returns a promise if the screen is far behind. */
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

  /** Takes effect after everything that was written before. */
  resize({ cols, rows }: { cols: number; rows: number }): void {
    this.#terminal.write('', () => this.#terminal.resize(cols, rows))
  }

  view(): Required<ScreenView> {
    const { baseY, cursorX, cursorY } = this.#terminal.buffer.active
    return { lines: this.#lines(baseY, baseY + this.#terminal.rows), cursor: { row: cursorY, col: cursorX } }
  }

  /** Marks the cursor's line. */
  mark(): ScreenMark {
    return this.isAlternate ? undefined : this.#terminal.registerMarker(0)
  }

  /**
   * The text from the mark to the end, with wrapped lines joined. For a full-screen program, its current screen.
   * `isCut`: the marked line is no longer in the scrollback.
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

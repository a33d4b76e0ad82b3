import { VtScanner } from '@fleetwire/protocol'
import addonSerialize from '@xterm/addon-serialize'
import headless from '@xterm/headless'
import { registerAnswers } from './screen-answers.ts'
import { ScreenCost } from './screen-cost.ts'
import { ScreenModes } from './screen-modes.ts'
import { within } from './serialize-budget.ts'

export const SCROLLBACK_LINES = 1000
/** Limit of scrollback cells. Very wide terminals keep fewer lines. */
const SCROLLBACK_CELLS = 200_000
/**
 * Limit of a serialized state, since each cell may have its own colours. A longer state is serialized without
 * scrollback, and given up if it is still too long.
 */
const LONGEST_STATE = 1024 * 1024
/** Time budget for serializing. A screen of a million cells, each with its own colours, would take a second. */
const STATE_BUDGET_MS = 250
const LONGEST_TITLE = 512
/** A snapshot ends before an unfinished control string up to this length. It cuts longer ones in the middle. */
const LONGEST_SEQUENCE_BYTES = 64 * 1024
const ALTERNATE = '\x1b[?1049h'
const CAN = new Uint8Array([0x18])

/** The largest chunk of output that is drawn at once: xterm yields between writes, not within one. */
export const CHUNK_BYTES = 1024

export interface ScreenSize {
  cols: number
  rows: number
}

/** The screen as control sequences. Write them to an empty terminal of this size, then the bytes from `offset` on. */
export interface ScreenState extends ScreenSize {
  offset: number
  screen: string
  title: string
}

export const scrollbackOf = (cols: number): number =>
  Math.min(SCROLLBACK_LINES, Math.max(1, Math.floor(SCROLLBACK_CELLS / cols)))

/** Draws the output of a terminal, in chunks. It can be read between two chunks. */
export class Screen {
  readonly #terminal: headless.Terminal
  readonly #serializer = new addonSerialize.SerializeAddon()
  readonly #modes: ScreenModes
  readonly #cost: ScreenCost
  readonly #scanner: VtScanner
  #end: number
  #title = ''
  #answer = ''

  /** @param offset position of the first byte that will be drawn */
  constructor({ cols, rows }: ScreenSize, offset: number) {
    this.#terminal = new headless.Terminal({
      cols,
      rows,
      scrollback: scrollbackOf(cols),
      allowProposedApi: true,
      logLevel: 'off',
      windowOptions: { getWinSizeChars: true },
    })
    this.#terminal.loadAddon(this.#serializer)
    this.#terminal.onTitleChange(title => {
      this.#title = title.slice(0, LONGEST_TITLE)
    })
    registerAnswers(this.#terminal, answer => {
      this.#answer = answer
    })
    this.#modes = new ScreenModes(this.#terminal)
    this.#cost = new ScreenCost(this.#terminal)
    this.#scanner = new VtScanner(offset, { limitStringBytes: LONGEST_SEQUENCE_BYTES })
    this.#end = offset
  }

  /** The offset after the last byte that was drawn. */
  get end(): number {
    return this.#end
  }

  /** The output caused too much work. From then on the screen's content is wrong. */
  get isTooExpensive(): boolean {
    return this.#cost.isExceeded
  }

  /** The number of cells in memory, at about 12 bytes each. */
  get cells(): number {
    const { normal, alternate } = this.#terminal.buffer
    return (normal.length + alternate.length) * this.#terminal.cols
  }

  /** Calls back from one of xterm's timers, where drawing can start without a further wait. */
  begin(ready: () => void): void {
    this.#terminal.write('', ready)
  }

  /**
   * Draws at most CHUNK_BYTES and may modify them. `done` gets the terminal's answer if the bytes end with a query
   * (otherwise '' or the answer to an earlier query). If `offset` is past `end`, the missing bytes are skipped and a
   * control sequence that they cut is dropped.
   */
  draw(offset: number, bytes: Uint8Array, done: (answer: string) => void): void {
    if (offset > this.#end) {
      this.#terminal.write(CAN)
      this.#scanner.jump(offset)
    }
    this.#scanner.push(bytes)
    this.#end = offset + bytes.length
    this.#answer = ''
    this.#cost.begin()
    this.#terminal.write(bytes, () => done(this.#answer))
  }

  resize({ cols, rows }: ScreenSize): void {
    if (cols !== this.#terminal.cols) this.#terminal.options.scrollback = scrollbackOf(cols)
    this.#terminal.resize(cols, rows)
    this.#modes.resized()
  }

  /** The screen with at most `scrollback` lines above it; undefined if it takes too long to serialize. */
  state(scrollback: number = SCROLLBACK_LINES): ScreenState | undefined {
    const screen = this.#serialize(scrollback)
    if (screen === undefined) return undefined
    const { cols, rows } = this.#terminal
    const { boundary } = this.#scanner
    const isCut = this.#end - boundary > LONGEST_SEQUENCE_BYTES
    return {
      cols,
      rows,
      offset: isCut ? this.#end : boundary,
      screen: screen + this.#modes.serialize() + (isCut ? this.#scanner.opener : ''),
      title: this.#title,
    }
  }

  /** Scrollback and screen as plain lines, without trailing empty lines. */
  text(): string {
    const buffer = this.#terminal.buffer.active
    let text = ''
    for (let y = 0; y < buffer.length; y++) {
      const line = buffer.getLine(y)
      if (!line) continue
      const continued = buffer.getLine(y + 1)?.isWrapped ?? false
      text += line.translateToString(!continued, 0, this.#terminal.cols) + (continued ? '' : '\n')
    }
    return text.replace(/\n+$/, '\n').replace(/^\n$/, '')
  }

  dispose(): void {
    this.#terminal.dispose()
  }

  #serialize(scrollback: number): string | undefined {
    const lines = Math.min(scrollback, scrollbackOf(this.#terminal.cols))
    for (const kept of new Set([lines, 0])) {
      const screen = within(STATE_BUDGET_MS, this.#terminal, view => {
        // The addon is typed for the browser terminal. The members that it reads exist here too.
        this.#serializer.activate(view as never)
        return this.#serializer.serialize({ scrollback: kept })
      })
      // The addon would enter the alternate screen with the colours left by the main screen, so they are reset first.
      if (screen !== undefined && screen.length <= LONGEST_STATE)
        return screen.replace(ALTERNATE, `\x1b[0m${ALTERNATE}`)
    }
    return undefined
  }
}

import { VtScanner } from '@fleetwire/protocol'
import addonSerialize from '@xterm/addon-serialize'
import headless from '@xterm/headless'
import { registerAnswers } from './screen-answers.ts'
import { ScreenCost } from './screen-cost.ts'
import { ScreenModes } from './screen-modes.ts'
import { within } from './serialize-budget.ts'

export const SCROLLBACK_LINES = 1000
/** Cells of scrollback; very wide terminals keep fewer lines. */
const SCROLLBACK_CELLS = 200_000
/**
 * Each cell may have colours of its own. A state that grows longer than this is taken without scrollback, or else not
 * at all.
 */
const LONGEST_STATE = 1024 * 1024
/** Time for one state. A screen of a million cells, each with its own colours, would take a second. */
const STATE_BUDGET_MS = 250
const LONGEST_TITLE = 512
/** A snapshot waits for the end of a control string up to this length, and is otherwise taken in the middle of it. */
const LONGEST_SEQUENCE_BYTES = 64 * 1024
const ALTERNATE = '\x1b[?1049h'
const CAN = new Uint8Array([0x18])

/** The largest piece of output that is drawn at once: xterm yields between writes, not within one. */
export const CHUNK_BYTES = 1024

export interface ScreenSize {
  cols: number
  rows: number
}

/**
 * The screen as control sequences: write them to an empty terminal of this size, and go on with the bytes from
 * `offset`.
 */
export interface ScreenState extends ScreenSize {
  offset: number
  screen: string
  title: string
}

export const scrollbackOf = (cols: number): number =>
  Math.min(SCROLLBACK_LINES, Math.max(1, Math.floor(SCROLLBACK_CELLS / cols)))

/** Shows what the bytes of a terminal look like. It is drawn in pieces and can be read between them. */
export class Screen {
  readonly #terminal: headless.Terminal
  readonly #serializer = new addonSerialize.SerializeAddon()
  readonly #modes: ScreenModes
  readonly #cost: ScreenCost
  readonly #scanner: VtScanner
  #end: number
  #title = ''
  #answer = ''

  /** @param offset of the first byte that will be drawn */
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

  /** Its bytes cause too much work: what it shows from now on is not true. */
  get isTooExpensive(): boolean {
    return this.#cost.isExceeded
  }

  /** The number of cells that it keeps, at about 12 bytes each. */
  get cells(): number {
    const { normal, alternate } = this.#terminal.buffer
    return (normal.length + alternate.length) * this.#terminal.cols
  }

  /** Calls back from one of xterm's own timers. Drawing that starts there needs no further wait. */
  begin(ready: () => void): void {
    this.#terminal.write('', ready)
  }

  /**
   * Draws at most CHUNK_BYTES and may change them. `done` gets what the terminal types if they end with a query (else
   * '' or the answer to an earlier one). `offset` may be past `end`: the missing bytes are skipped, and a control
   * sequence that they cut is dropped.
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

  /** Scrollback and screen as plain lines, without the empty ones at the end. */
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
        // Typed for the terminal of browsers; what it reads, this one has too.
        this.#serializer.activate(view as never)
        return this.#serializer.serialize({ scrollback: kept })
      })
      // The addon enters the alternate screen in the current colours; the program left the main one in others.
      if (screen !== undefined && screen.length <= LONGEST_STATE)
        return screen.replace(ALTERNATE, `\x1b[0m${ALTERNATE}`)
    }
    return undefined
  }
}

import addonSerialize from '@xterm/addon-serialize'
import headless from '@xterm/headless'
import { ScreenModes } from './screen-modes.ts'
import { VtBoundary } from './vt-boundary.ts'

const SCROLLBACK_LINES = 1000
/** Cells of scrollback in a snapshot: very wide terminals show fewer lines. */
const SCROLLBACK_CELLS = 200_000
/** Each cell may have its own colours: a state that grows over this is taken without scrollback, then not at all. */
const LONGEST_STATE = 1024 * 1024
const LONGEST_TITLE = 512
/** xterm yields to the event loop between writes, not within one. */
const WRITE_BYTES = 1024
/** A control string longer than this is no longer waited for: the snapshot is taken in the middle of it. */
const LONGEST_SEQUENCE_BYTES = 64 * 1024
const ALTERNATE = '\x1b[?1049h'
const CAN = new Uint8Array([0x18])

export interface ScreenSize {
  cols: number
  rows: number
}

/** The screen as control sequences: drawn on an empty terminal of this size and continued with the bytes from `offset`. */
export interface ScreenState extends ScreenSize {
  offset: number
  screen: string
  title: string
}

/**
 * What the bytes of a terminal look like. It is a reader only: an answer to a query (DA, DSR, DECRQSS …) would reach
 * the program as if it had been typed, once per screen that watches, so xterm's answers go nowhere.
 */
export class Screen {
  readonly #terminal: headless.Terminal
  readonly #serializer = new addonSerialize.SerializeAddon()
  readonly #modes: ScreenModes
  readonly #boundary: VtBoundary
  readonly #waiting = new Set<() => void>()
  #end: number
  #parsed: number
  #title = ''

  /** @param offset of the first byte that will be fed. */
  constructor(size: ScreenSize, offset: number) {
    this.#terminal = new headless.Terminal({
      cols: size.cols,
      rows: size.rows,
      scrollback: SCROLLBACK_LINES,
      allowProposedApi: true,
      logLevel: 'off',
    })
    this.#terminal.loadAddon(this.#serializer)
    this.#terminal.onTitleChange(title => {
      this.#title = title.slice(0, LONGEST_TITLE)
    })
    this.#modes = new ScreenModes(this.#terminal)
    this.#boundary = new VtBoundary(offset)
    this.#end = offset
    this.#parsed = offset
  }

  /** Offset after the last byte that was fed. */
  get end(): number {
    return this.#end
  }

  /** Bytes that were fed and wait for the parser. */
  get backlogBytes(): number {
    return this.#end - this.#parsed
  }

  /** `offset` may be past `end`: what is missing is skipped, and a sequence that it cut is given up. */
  feed(offset: number, bytes: Uint8Array): void {
    if (offset > this.#end) {
      this.#terminal.write(CAN)
      this.#boundary.jump(offset)
    }
    this.#boundary.push(bytes)
    for (let at = 0; at < bytes.length; at += WRITE_BYTES) this.#terminal.write(bytes.subarray(at, at + WRITE_BYTES))
    this.#end = offset + bytes.length
    const end = this.#end
    this.#terminal.write('', () => {
      this.#parsed = end
    })
  }

  /** Takes effect after what was fed so far. */
  resize(size: ScreenSize): void {
    this.#terminal.write('', () => {
      this.#terminal.resize(size.cols, size.rows)
      this.#modes.resized()
    })
  }

  /**
   * The screen after everything that was fed so far, with `scrollback` lines above it (at most 1000); nothing when it is
   * disposed before that is drawn.
   */
  state(scrollback: number = SCROLLBACK_LINES): Promise<ScreenState | undefined> {
    const safe = this.#boundary.offset
    const offset = this.#end - safe > LONGEST_SEQUENCE_BYTES ? this.#end : safe
    return this.#drawn(() => ({
      cols: this.#terminal.cols,
      rows: this.#terminal.rows,
      offset,
      screen: this.#serialize(scrollback) + this.#modes.serialize(),
      title: this.#title,
    }))
  }

  /** Scrollback and screen as plain lines, without the empty ones at the end. */
  text(): Promise<string | undefined> {
    return this.#drawn(() => {
      const buffer = this.#terminal.buffer.active
      let text = ''
      for (let y = 0; y < buffer.length; y++) {
        const line = buffer.getLine(y)
        if (!line) continue
        const continued = buffer.getLine(y + 1)?.isWrapped ?? false
        text += line.translateToString(!continued) + (continued ? '' : '\n')
      }
      const end = text.search(/\n+$/)
      return end <= 0 ? '' : text.slice(0, end + 1)
    })
  }

  /** Resolves when everything that was fed so far is drawn. */
  async drained(): Promise<void> {
    await this.#drawn(() => undefined)
  }

  dispose(): void {
    this.#terminal.dispose()
    for (const settle of this.#waiting) settle()
    this.#waiting.clear()
  }

  #serialize(scrollback: number): string {
    const lines = Math.min(scrollback, Math.floor(SCROLLBACK_CELLS / this.#terminal.cols))
    for (const kept of new Set([lines, 0])) {
      const screen = this.#serializer.serialize({ scrollback: kept })
      // The addon enters the alternate screen in the colours of now; the program left the main one in its own.
      if (screen.length <= LONGEST_STATE) return screen.replace(ALTERNATE, `\x1b[0m${ALTERNATE}`)
    }
    return ''
  }

  /** Reads within the parser's own callback: after it, bytes that were fed later may already be drawn. */
  #drawn<T>(read: () => T): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const settle = () => resolve(undefined)
      this.#waiting.add(settle)
      this.#terminal.write('', () => {
        if (!this.#waiting.delete(settle)) return
        try {
          resolve(read())
        } catch (error) {
          // Thrown here it would surface in xterm's own timer and end the process.
          reject(error)
        }
      })
    })
  }
}

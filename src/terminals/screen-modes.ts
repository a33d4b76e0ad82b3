import type { Terminal } from '@xterm/headless'

const MOUSE_ENCODINGS = new Set([1005, 1006, 1015, 1016])
const HIDE_CURSOR = 25
/**
 * Tracks, through parser hooks, the state that the serialize addon leaves out: a hidden cursor, the mouse encoding, the
 * scroll region, the saved cursor, the cursor shape and the line-drawing charset. Without it, the bytes after a
 * snapshot of a full-screen program would be drawn wrong.
 */
export class ScreenModes {
  readonly #modes = new Set<number>()
  readonly #terminal: Terminal
  #region = ''
  #regionTop = 0
  #saved: { x: number; y: number } | undefined
  #cursorShape = ''
  #charset = ''

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    const { parser } = terminal
    const track = (set: boolean) => (params: (number | number[])[]) => {
      for (const param of params) {
        if (param === HIDE_CURSOR) this.#remember(HIDE_CURSOR, !set)
        else if (typeof param === 'number' && MOUSE_ENCODINGS.has(param)) this.#remember(param, set)
      }
      return false
    }
    parser.registerCsiHandler({ prefix: '?', final: 'h' }, track(true))
    parser.registerCsiHandler({ prefix: '?', final: 'l' }, track(false))
    parser.registerCsiHandler({ final: 'r' }, params => {
      this.#region = params.some(param => param !== 0) ? `\x1b[${params.join(';')}r` : ''
      this.#regionTop = Math.max(Number(params[0]) - 1, 0)
      return false
    })
    parser.registerCsiHandler({ intermediates: ' ', final: 'q' }, params => {
      this.#cursorShape = `\x1b[${params.join(';')} q`
      return false
    })
    parser.registerEscHandler({ final: '7' }, () => this.#saveCursor())
    parser.registerCsiHandler({ final: 's' }, () => this.#saveCursor())
    parser.registerEscHandler({ intermediates: '(', final: '0' }, () => {
      this.#charset = '\x1b(0'
      return false
    })
    parser.registerEscHandler({ intermediates: '(', final: 'B' }, () => {
      this.#charset = ''
      return false
    })
    for (const prefix of ['', '?']) {
      parser.registerCsiHandler({ ...(prefix && { prefix }), final: 'J' }, params => this.#wouldThrow(params))
    }
    // The addon writes a link as underlined text and never ends it. Ignoring links keeps their text.
    parser.registerOscHandler(8, () => true)
    parser.registerEscHandler({ final: 'c' }, () => this.#reset())
    parser.registerCsiHandler({ intermediates: '!', final: 'p' }, () => this.#reset())
  }

  /**
   * xterm 6.0 throws when a screen without scrollback is erased up to its last cell: it accesses the line after the
   * last one.
   */
  #wouldThrow(params: (number | number[])[]): boolean {
    const { cursorX, cursorY, length } = this.#terminal.buffer.active
    return params[0] === 1 && cursorX + 1 >= this.#terminal.cols && cursorY + 1 >= length
  }

  /** The control sequences that set this state, to be written after the serialized screen. */
  serialize(): string {
    const modes = [...this.#modes].map(mode => `\x1b[?${mode}${mode === HIDE_CURSOR ? 'l' : 'h'}`)
    return this.#serializeCursor() + modes.join('') + this.#cursorShape + this.#charset
  }

  /**
   * Restoring the scroll region and the saved cursor moves the cursor, so the cursor is positioned again afterwards.
   */
  #serializeCursor(): string {
    const { cursorX: x, cursorY: y } = this.#terminal.buffer.active
    const top = this.#terminal.modes.originMode ? this.#regionTop : 0
    // A cursor past the last column could not be moved back there. Its position matters more than the saved cursor.
    const saved = this.#saved && x < this.#terminal.cols ? `${moveTo(this.#saved.x, this.#saved.y - top)}\x1b7` : ''
    // The addon moves the cursor relative to the end of the text and is off by one if that is past the last column.
    const place = x < this.#terminal.cols || this.#region !== '' ? moveTo(x, y - top) : ''
    return this.#region + saved + place
  }

  #saveCursor(): boolean {
    const { cursorX: x, cursorY: y } = this.#terminal.buffer.active
    this.#saved = { x, y }
    return false
  }

  /** A resize resets the scroll region, as it does in the terminal. */
  resized(): void {
    this.#region = ''
  }

  #remember(mode: number, on: boolean): void {
    if (on) this.#modes.add(mode)
    else this.#modes.delete(mode)
  }

  #reset(): boolean {
    this.#modes.clear()
    this.#region = ''
    this.#saved = undefined
    this.#cursorShape = ''
    this.#charset = ''
    return false
  }
}

const moveTo = (x: number, y: number): string => `\x1b[${y + 1};${x + 1}H`

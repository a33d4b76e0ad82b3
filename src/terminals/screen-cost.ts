import type { Terminal } from '@xterm/headless'

/** Cells that one chunk of output may move or clear: about 50 ms of work. A chunk cannot be interrupted. */
const CHUNK_CELLS = 10_000_000
/** Sequences that repeat a character. Each repetition costs about as much as a cell. */
const REPEAT = ['b', 'I', 'Z']
/** Sequences that move all lines below the cursor, once per unit of their parameter. */
const MOVE_LINES = ['L', 'M', 'S', 'T']

/**
 * Adds up the cost of control sequences before xterm executes them: three bytes can clear a million cells, and seven
 * can move a thousand lines a thousand times. Sequences over the chunk's budget are skipped, and the screen is given
 * up.
 */
export class ScreenCost {
  readonly #terminal: Terminal
  #left = CHUNK_CELLS

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    const { parser } = terminal
    for (const final of REPEAT) parser.registerCsiHandler({ final }, params => this.#take(numberOf(params)))
    for (const final of MOVE_LINES) {
      parser.registerCsiHandler({ final }, params =>
        this.#take(numberOf(params) * (terminal.cols + terminal.buffer.active.length)),
      )
    }
    const whole = () => this.#take(this.#cells)
    parser.registerCsiHandler({ final: 'J' }, whole)
    parser.registerCsiHandler({ prefix: '?', final: 'J' }, whole)
    for (const final of ['h', 'l']) parser.registerCsiHandler({ prefix: '?', final }, whole)
    parser.registerCsiHandler({ intermediates: '!', final: 'p' }, whole)
    parser.registerEscHandler({ final: 'c' }, () => this.#take(2 * this.#cells))
    parser.registerEscHandler({ intermediates: '#', final: '8' }, whole)
  }

  /** A chunk exceeded its budget, so the screen no longer shows the terminal correctly. */
  get isExceeded(): boolean {
    return this.#left < 0
  }

  /** Starts a new chunk with a new budget. */
  begin(): void {
    if (this.#left >= 0) this.#left = CHUNK_CELLS
  }

  get #cells(): number {
    return this.#terminal.cols * this.#terminal.rows
  }

  /** Returns true if the budget is exceeded, so that the sequence is not executed. */
  #take(cells: number): boolean {
    if (this.#left >= 0) this.#left -= cells
    return this.#left < 0
  }
}

const numberOf = ([first]: (number | number[])[]): number => Math.max(1, typeof first === 'number' ? first : 1)

import type { Terminal } from '@xterm/headless'

/** How much work one chunk of output may cause, in cells moved or cleared: about 50 ms. A chunk is not divisible. */
const CHUNK_CELLS = 10_000_000
/** Sequences that repeat a character. Each repetition costs about as much as a cell. */
const REPEAT = ['b', 'I', 'Z']
/** Sequences that move every line below them, as often as their parameter says. */
const MOVE_LINES = ['L', 'M', 'S', 'T']

/**
 * Counts what control sequences cost before xterm executes them: three bytes can clear a million cells, seven can move
 * a thousand lines a thousand times. What exceeds the budget of a chunk is not executed, and the screen is given up.
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

  /** A chunk asked for more work than it may cause: the screen no longer shows what the terminal does. */
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

  /** Whether the work is too much and must not be done. */
  #take(cells: number): boolean {
    if (this.#left >= 0) this.#left -= cells
    return this.#left < 0
  }
}

const numberOf = ([first]: (number | number[])[]): number => Math.max(1, typeof first === 'number' ? first : 1)

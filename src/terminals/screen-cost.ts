import type { Terminal } from '@xterm/headless'

/** Work that one chunk of output may cause, in cells that are moved or cleared: about 50 ms. Chunks are not divisible. */
const CHUNK_CELLS = 10_000_000
/** Of a repeated character each costs about as much as a cell. */
const REPEAT = ['b', 'I', 'Z']
/** Each of these moves every line below it, as often as it says. */
const MOVE_LINES = ['L', 'M', 'S', 'T']

/**
 * Counts what control sequences cost before xterm carries them out: three bytes may clear a million cells, seven move a
 * thousand lines a thousand times. Whatever is over the budget of a chunk is not done, and the screen is given up.
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

  /** More was asked for than a chunk may cost: the screen shows no longer what the terminal does. */
  get isExceeded(): boolean {
    return this.#left < 0
  }

  /** A new chunk has a budget of its own. */
  begin(): void {
    if (this.#left >= 0) this.#left = CHUNK_CELLS
  }

  get #cells(): number {
    return this.#terminal.cols * this.#terminal.rows
  }

  /** Whether it is too much, and so not to be done. */
  #take(cells: number): boolean {
    if (this.#left >= 0) this.#left -= cells
    return this.#left < 0
  }
}

const numberOf = ([first]: (number | number[])[]): number => Math.max(1, typeof first === 'number' ? first : 1)

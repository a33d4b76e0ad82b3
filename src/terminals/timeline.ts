import type { ScreenSize } from './screen.ts'

/** Output within this time after the last mark gets no new mark. */
const RESOLUTION_MS = 20
const MAX_MARKS = 4096
const MAX_RESIZES = 512

/** The terminal has this size from byte `offset` on. `index` counts the earlier resizes. */
export interface Resize extends ScreenSize {
  index: number
  offset: number
  at: number
}

/** The bytes from `offset` on arrived at `at`. */
export interface Moment {
  offset: number
  at: number
}

/** When the bytes of a terminal arrived and where its size changed: enough for a replay, at a few bytes per mark. */
export class Timeline {
  /** The byte offset and the wall-clock time of each mark, in parallel arrays. */
  #offsets: number[] = []
  #times: number[] = []
  #resizes: Resize[]

  constructor(size: ScreenSize, offset: number, at: number) {
    this.#resizes = [{ cols: size.cols, rows: size.rows, index: 0, offset, at }]
  }

  get size(): Resize {
    return this.#resizes.at(-1)!
  }

  /** The size at the first byte that is kept. */
  get firstSize(): Resize {
    return this.#resizes[0]!
  }

  /** The first resize after the one with this index. */
  resizeAfter(index: number): Resize | undefined {
    return this.size.index > index ? this.#resizes.find(resize => resize.index > index) : undefined
  }

  /** The resizes after the first size. */
  get resizes(): readonly Resize[] {
    return this.#resizes.slice(1)
  }

  get marks(): Moment[] {
    return this.#offsets.map((offset, i) => ({ offset, at: this.#times[i]! }))
  }

  resize(size: ScreenSize, offset: number, at: number): void {
    this.#resizes.push({ cols: size.cols, rows: size.rows, index: this.size.index + 1, offset, at })
    // Dragging a window causes hundreds of resizes. A replay needs only the first and the latest ones.
    if (this.#resizes.length > MAX_RESIZES) this.#resizes.splice(1, MAX_RESIZES / 2)
  }

  /** The bytes from `offset` on arrived at `at`. */
  mark(offset: number, at: number): void {
    const last = this.#times.at(-1)
    if (last !== undefined && at - last < RESOLUTION_MS) return
    this.#offsets.push(offset)
    this.#times.push(at)
    if (this.#offsets.length > MAX_MARKS) this.#thin()
  }

  /** Drops marks and resizes before the first kept byte. */
  prune(oldest: number): void {
    const marks = countBefore(this.#offsets, oldest)
    // Removed in bulk, since the start of a full ring moves with every frame.
    if (marks > 256) {
      this.#offsets.splice(0, marks - 1)
      this.#times.splice(0, marks - 1)
    }
    while (this.#resizes.length > 1 && this.#resizes[1]!.offset <= oldest) this.#resizes.shift()
  }

  #thin(): void {
    this.#offsets = this.#offsets.filter((_, i) => i % 2 === 0)
    this.#times = this.#times.filter((_, i) => i % 2 === 0)
  }
}

function countBefore(sorted: number[], limit: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < limit) low = middle + 1
    else high = middle
  }
  return low
}

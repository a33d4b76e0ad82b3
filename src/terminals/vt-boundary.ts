const BEL = 0x07
const CAN = 0x18
const SUB = 0x1a
const ESC = 0x1b

type State = 'ground' | 'utf8' | 'escape' | 'intermediate' | 'csi' | 'string' | 'osc' | 'stringEscape'

/**
 * Finds the places where a terminal's byte stream may be cut: between whole characters and whole control sequences.
 * A screen that is drawn from the bytes up to such a place and goes on with the bytes after it shows the same as one
 * that saw all of them. Follows the state table of https://vt100.net/emu/dec_ansi_parser as far as the ends of
 * sequences need it, for streams that are UTF-8, as xterm reads them.
 */
export class VtBoundary {
  #state: State = 'ground'
  #continuations = 0
  #afterC2 = false
  #offset: number
  #boundary: number

  constructor(offset: number) {
    this.#offset = offset
    this.#boundary = offset
  }

  /** The last offset, at or before the end of what was pushed, at which the stream may be cut. */
  get offset(): number {
    return this.#boundary
  }

  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      this.#state = this.#next(bytes[i]!)
      if (this.#state === 'ground') this.#boundary = this.#offset + i + 1
    }
    this.#offset += bytes.length
  }

  /** The stream goes on at `offset`, and what was begun before is void. */
  jump(offset: number): void {
    this.#state = 'ground'
    this.#offset = offset
    this.#boundary = offset
  }

  #next(byte: number): State {
    if (byte === CAN || byte === SUB) return 'ground'
    switch (this.#state) {
      case 'utf8':
        if ((byte & 0xc0) !== 0x80) return this.#ground(byte)
        // U+0080…U+009F are the C1 controls: U+009B is ESC [.
        if (this.#afterC2 && byte < 0xa0) return this.#escape(byte - 0x40)
        return --this.#continuations === 0 ? 'ground' : 'utf8'
      case 'ground':
        return this.#ground(byte)
      case 'escape':
        return this.#escape(byte)
      case 'intermediate':
        return this.#intermediate(byte)
      case 'csi':
        if (byte === ESC) return 'escape'
        if (byte >= 0x80) return this.#ground(byte)
        return byte >= 0x40 && byte <= 0x7e ? 'ground' : 'csi'
      case 'osc':
        if (byte === BEL) return 'ground'
        return byte === ESC ? 'stringEscape' : 'osc'
      case 'string':
        return byte === ESC ? 'stringEscape' : 'string'
      case 'stringEscape':
        // ESC ends the string whatever follows; with a backslash it is the terminator itself.
        this.#state = 'escape'
        return this.#escape(byte)
    }
  }

  #escape(byte: number): State {
    switch (byte) {
      case 0x5b:
        return 'csi'
      case 0x5d:
        return 'osc'
      case 0x50: // DCS
      case 0x58: // SOS
      case 0x5e: // PM
      case 0x5f: // APC
        return 'string'
      default:
        return this.#intermediate(byte)
    }
  }

  #intermediate(byte: number): State {
    if (byte === ESC) return 'escape'
    if (byte >= 0x80) return this.#ground(byte)
    if (byte >= 0x30 && byte <= 0x7e) return 'ground'
    return byte >= 0x20 && byte < 0x30 ? 'intermediate' : this.#state
  }

  #ground(byte: number): State {
    if (byte === ESC) return 'escape'
    if (byte < 0xc2 || byte > 0xf4) return 'ground'
    this.#afterC2 = byte === 0xc2
    this.#continuations = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3
    return 'utf8'
  }
}

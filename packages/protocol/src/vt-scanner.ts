import { isQuery } from './vt-query.ts'

const NUL = 0x00
const BEL = 0x07
const CAN = 0x18
const SUB = 0x1a
const ESC = 0x1b
const SEMICOLON = 0x3b
const COLON = 0x3a
const QUESTION = 0x3f
/** Enough for every screen size and mode number. A larger count would keep a terminal busy for hours. */
const MOST_DIGITS = 4
/** Maximum combining marks per character, as terminals keep any number of them. */
const MOST_MARKS = 32
/** Zero-width characters: terminals add them to the preceding character. */
const MARK = /[\p{M}\p{Cf}\u1160-\u11ff]/u
/**
 * OSC numbers whose value may be the query `?`: colours, fonts, the clipboard. Others, such as titles, may contain `?`
 * as text.
 */
const ASKABLE = new Set([4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 50, 52])

type State = 'ground' | 'utf8' | 'escape' | 'intermediate' | 'csi' | 'dcs' | 'string' | 'osc' | 'stringEscape'

export interface VtScannerOptions {
  /** Called for each query (DA, DSR, OSC 11 and the like) with the offset after its last byte. */
  onQuery?(end: number): void
  /**
   * If set, makes the bytes safe to draw: limits numbers to four digits and characters to 32 marks, and blanks the
   * bytes of a control string beyond this length.
   */
  limitStringBytes?: number
  /** Whether to neutralise the query at this offset, so that a terminal that draws the bytes does not respond to it. */
  swallows?(place: number): boolean
}

/**
 * Parses a terminal's byte stream to find where it may be split and where it queries the terminal. A screen drawn from
 * the bytes up to a boundary, and then from the bytes after it, looks the same as one drawn from all of them.
 *
 * Bytes are changed in place and never moved, so offsets stay valid. A byte is removed by replacing it with NUL, which
 * terminals ignore; a sequence is cancelled by replacing the byte that would complete it with CAN.
 *
 * Implements the state table of https://vt100.net/emu/dec_ansi_parser as far as needed, for UTF-8 streams, as xterm
 * reads them.
 */
export class VtScanner {
  readonly #onQuery: ((end: number) => void) | undefined
  readonly #limitStringBytes: number
  readonly #limits: boolean
  readonly #swallows: ((place: number) => boolean) | undefined
  #state: State = 'ground'
  #offset: number
  #boundary: number

  // UTF-8
  #continuations = 0
  #codePoint = 0
  #afterC2 = false
  #marks = 0

  // The control sequence or string being read.
  #prefix = 0
  #intermediate = 0
  #value = 0
  #digits = 0
  #first: number | undefined
  #stringBytes = 0
  #field = -1
  #asks = false
  #muted = false

  /** @param offset of the first byte that is pushed */
  constructor(offset: number, { onQuery, limitStringBytes, swallows }: VtScannerOptions = {}) {
    this.#offset = offset
    this.#boundary = offset
    this.#onQuery = onQuery
    this.#limits = limitStringBytes !== undefined
    this.#limitStringBytes = limitStringBytes ?? Number.POSITIVE_INFINITY
    this.#swallows = swallows
  }

  /** The last offset in the pushed bytes at which the stream may be split. */
  get boundary(): number {
    return this.#boundary
  }

  /**
   * The opening of a sequence like the current one. A screen that joins here must receive it, so that it also ignores
   * the rest of that sequence.
   */
  get opener(): string {
    if (this.#state === 'csi') return '\x1b['
    if (this.#state === 'dcs') return '\x1bP'
    if (this.#state === 'osc') return '\x1b]9999;'
    return this.#state === 'string' ? '\x1b_' : ''
  }

  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!
      // Fast path: nearly all output is plain text.
      if (this.#state === 'ground' && byte < 0x80 && byte !== ESC) this.#marks = 0
      else this.#step(byte, bytes, i)
      if (this.#state === 'ground') this.#boundary = this.#offset + i + 1
    }
    this.#offset += bytes.length
  }

  /** Continues at `offset` and drops any unfinished sequence. */
  jump(offset: number): void {
    this.#state = 'ground'
    this.#muted = false
    this.#marks = 0
    this.#offset = offset
    this.#boundary = offset
  }

  #step(byte: number, bytes: Uint8Array, i: number): void {
    if (byte === CAN || byte === SUB) {
      this.#state = 'ground'
      this.#muted = false
      return
    }
    switch (this.#state) {
      case 'ground':
        this.#ground(byte)
        return
      case 'utf8':
        this.#continue(byte, bytes, i)
        return
      case 'escape':
        this.#escape(byte)
        return
      case 'intermediate':
        this.#afterIntermediate(byte)
        return
      case 'csi':
        this.#csi(byte, bytes, i)
        return
      case 'dcs':
        this.#dcs(byte, bytes, i)
        return
      case 'osc':
      case 'string':
        this.#string(byte, bytes, i)
        return
      case 'stringEscape':
        // ESC ends the string, whatever follows; ESC and a backslash form the string terminator.
        this.#escape(byte)
    }
  }

  #ground(byte: number): void {
    if (byte === ESC) this.#state = 'escape'
    else if (byte < 0xc2 || byte > 0xf4) this.#state = 'ground'
    else {
      this.#afterC2 = byte === 0xc2
      this.#continuations = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3
      this.#codePoint = byte & (0x3f >> this.#continuations)
      this.#state = 'utf8'
    }
  }

  #continue(byte: number, bytes: Uint8Array, i: number): void {
    if ((byte & 0xc0) !== 0x80) {
      this.#ground(byte)
      return
    }
    // U+0080…U+009F are the C1 controls: U+009B is ESC [.
    if (this.#afterC2 && byte < 0xa0) {
      this.#escape(byte - 0x40)
      return
    }
    this.#codePoint = (this.#codePoint << 6) | (byte & 0x3f)
    if (--this.#continuations > 0) return
    this.#state = 'ground'
    if (this.#codePoint < 0x300 || !MARK.test(String.fromCodePoint(Math.min(this.#codePoint, 0x10ffff))))
      this.#marks = 0
    else if (++this.#marks > MOST_MARKS && this.#limits) bytes[i] = NUL
  }

  #escape(byte: number): void {
    this.#muted = false
    switch (byte) {
      case 0x5b:
        this.#begin('csi')
        return
      case 0x50:
        this.#begin('dcs')
        return
      case 0x5d:
        this.#begin('osc')
        return
      case 0x58: // SOS
      case 0x5e: // PM
      case 0x5f: // APC
        this.#begin('string')
        return
      default:
        this.#state = 'intermediate'
        this.#afterIntermediate(byte)
    }
  }

  #afterIntermediate(byte: number): void {
    if (byte === ESC) this.#state = 'escape'
    else if (byte >= 0x80) this.#ground(byte)
    else if (byte >= 0x30 && byte <= 0x7e) this.#state = 'ground'
  }

  #begin(state: 'csi' | 'dcs' | 'osc' | 'string'): void {
    this.#state = state
    this.#prefix = 0
    this.#intermediate = 0
    this.#value = 0
    this.#digits = 0
    this.#first = undefined
    this.#stringBytes = 0
    this.#field = -1
    this.#asks = false
    this.#marks = 0
  }

  #csi(byte: number, bytes: Uint8Array, i: number): void {
    if (byte === ESC) this.#state = 'escape'
    else if (byte >= 0x80) this.#ground(byte)
    else if (byte >= 0x40 && byte <= 0x7e) {
      this.#state = 'ground'
      const [prefix, intermediate] = [this.#prefix, this.#intermediate]
      if (!isQuery({ prefix, intermediate, first: this.#first ?? this.#value, final: byte })) return
      const end = this.#offset + i + 1
      if (this.#swallows?.(end)) bytes[i] = CAN
      this.#onQuery?.(end)
    } else this.#parameter(byte, bytes, i)
  }

  #parameter(byte: number, bytes: Uint8Array, i: number): void {
    if (byte >= 0x30 && byte <= 0x39) {
      if (this.#digits > 0 || byte > 0x30) this.#digits++
      if (this.#digits <= MOST_DIGITS) this.#value = this.#value * 10 + byte - 0x30
      else if (this.#limits) bytes[i] = NUL
    } else if (byte === SEMICOLON || byte === COLON) {
      this.#first ??= this.#value
      this.#value = 0
      this.#digits = 0
    } else if (byte >= 0x3c && byte <= 0x3f) this.#prefix = byte
    else if (byte >= 0x20 && byte <= 0x2f) this.#intermediate = byte
  }

  /** The header of a device control string has the form of a control sequence. */
  #dcs(byte: number, bytes: Uint8Array, i: number): void {
    if (byte === ESC || byte >= 0x80) this.#string(byte, bytes, i)
    else if (byte < 0x40 || byte > 0x7e) this.#parameter(byte, bytes, i)
    else {
      this.#state = 'string'
      // DECRQSS and XTGETTCAP.
      if (byte === 0x71 && (this.#intermediate === 0x24 || this.#intermediate === 0x2b)) this.#ask(bytes, i)
    }
  }

  #string(byte: number, bytes: Uint8Array, i: number): void {
    if (this.#muted && byte !== ESC) bytes[i] = NUL
    if (byte === ESC) this.#end('stringEscape', i)
    else if (byte === BEL && this.#state === 'osc') this.#end('ground', i)
    else if (this.#afterC2 && byte >= 0x80 && byte < 0xa0) {
      // A C1 control ends the string and begins a new sequence.
      this.#end('ground', i)
      if (byte !== 0x9c) this.#escape(byte - 0x40)
    } else {
      this.#afterC2 = byte === 0xc2
      if (this.#state === 'osc') this.#oscByte(byte, bytes, i)
      if (++this.#stringBytes > this.#limitStringBytes && byte !== 0xc2) bytes[i] = NUL
    }
  }

  #end(state: State, i: number): void {
    if (this.#asks) this.#onQuery?.(this.#offset + i + 1)
    this.#afterC2 = false
    this.#muted = false
    this.#state = state
  }

  /** Reads `number ; value ; value …`. A value that is `?` or ends with `=?` is a query. */
  #oscByte(byte: number, bytes: Uint8Array, i: number): void {
    if (this.#first === undefined) {
      if (byte === SEMICOLON) {
        this.#first = this.#value
        this.#field = SEMICOLON
      } else if (byte >= 0x30 && byte <= 0x39 && this.#value < 1000) this.#value = this.#value * 10 + byte - 0x30
      else this.#first = -1
      return
    }
    if (byte === QUESTION && (this.#field === SEMICOLON || this.#field === 0x3d) && ASKABLE.has(this.#first)) {
      this.#ask(bytes, i)
    }
    this.#field = byte
  }

  #ask(bytes: Uint8Array, i: number): void {
    if (this.#asks) return
    this.#asks = true
    if (!this.#swallows?.(this.#offset + i + 1)) return
    bytes[i] = CAN
    this.#muted = true
  }
}

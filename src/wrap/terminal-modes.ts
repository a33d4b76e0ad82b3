const ESC = 0x1b
const LONGEST_SEQUENCE = 64
/** Modes that are set on a fresh terminal: line wrapping and the visible cursor. */
const ON = new Set([7, 25])
/** Modes that switch to the alternate screen. They are reset after the other modes. */
const SCREENS = new Set([47, 1047, 1049])
/** Modes that only save and restore the cursor, so nothing stays set. */
const MOMENTARY = new Set([1048])
/** Parameters of `CSI … m` that are followed by the numbers of a colour: foreground, background, underline. */
const COLOURS = new Set([38, 48, 58])
/** How many numbers follow such a parameter, by the first of them: `5;n` or `2;r;g;b`. */
const NUMBERS: Record<number, number> = { 5: 2, 2: 4 }

/**
 * Tracks what a program sets on its terminal, and how to undo it. The terminal must be usable afterwards, however the
 * program ended. Modes that are not set must not be reset, since resetting them may move the cursor.
 */
export class TerminalModes {
  readonly #set = new Set<number>()
  readonly #unset = new Set<number>()
  #keyboard = 0
  #isColoured = false
  #keypad = false
  #otherKeys = false
  #cursor = false
  #region = false
  /** An incomplete sequence, to be continued by the next bytes. */
  #begun = ''
  #inString = false

  /** Control sequences that undo what is set; '' if nothing is. */
  get undo(): string {
    const screens = [...this.#set].filter(mode => SCREENS.has(mode)).map(mode => `\x1b[?${mode}l`)
    const modes = [...this.#set].filter(mode => !SCREENS.has(mode)).map(mode => `\x1b[?${mode}l`)
    const parts = [
      this.#inString ? '\x1b\\' : '',
      this.#keyboard > 0 ? `\x1b[<${this.#keyboard}u` : '',
      this.#otherKeys ? '\x1b[>4m' : '',
      this.#region ? '\x1b7\x1b[r\x1b8' : '',
      ...modes,
      ...screens,
      ...[...this.#unset].map(mode => `\x1b[?${mode}h`),
      this.#keypad ? '\x1b>' : '',
      this.#cursor ? '\x1b[0 q' : '',
      this.#isColoured ? '\x1b[0m' : '',
    ]
    return parts.join('')
  }

  push(bytes: Uint8Array): void {
    let at = 0
    if (this.#begun !== '') {
      const head = this.#begun + latin1(bytes.subarray(0, LONGEST_SEQUENCE))
      const before = this.#begun.length
      this.#begun = ''
      const end = this.#sequence(head)
      if (end === undefined) return
      at = Math.max(0, end - before)
    }
    for (;;) {
      const found = bytes.indexOf(ESC, at)
      if (found < 0) {
        if (this.#inString && bytes.indexOf(0x07, at) >= 0) this.#inString = false
        return
      }
      const end = this.#sequence(latin1(bytes.subarray(found, found + LONGEST_SEQUENCE)))
      if (end === undefined) return
      at = found + end
    }
  }

  /** Processes the sequence at the start of `text`. Returns its end, or undefined if it is incomplete. */
  #sequence(text: string): number | undefined {
    const rest = text.slice(1)
    const [, csi] = /^\[([0-?]*[ -/]*[@-~])/.exec(rest) ?? []
    if (csi !== undefined) {
      this.#inString = false
      this.#csi(csi)
      return 2 + csi.length
    }
    if (text.length < LONGEST_SEQUENCE && /^(?:\[[0-?]*[ -/]*)?$/.test(rest)) {
      this.#begun = text
      return undefined
    }
    // A control string continues until BEL or ESC \.
    if (/^[\]PX^_]/.test(rest)) {
      const bell = text.indexOf('\x07')
      this.#inString = bell < 0
      return bell < 0 ? 2 : bell + 1
    }
    this.#inString = false
    switch (text[1]) {
      case '=':
        this.#keypad = true
        break
      case '>':
        this.#keypad = false
        break
      case 'c':
        this.#reset()
    }
    // The second ESC may begin the next sequence.
    return text[1] === '\x1b' ? 1 : 2
  }

  #csi(sequence: string): void {
    const [, prefix = '', list = '', intermediate = '', final = ''] =
      /^([<-?]?)([0-9;:]*)[0-?]*([ -/]*)(.)$/.exec(sequence) ?? []
    const numbers = list.split(';').map(Number)
    switch (`${prefix}${intermediate}${final}`) {
      case '?h':
      case '?l':
        for (const mode of numbers) this.#mode(mode, final === 'h')
        return
      case '>u':
        this.#keyboard++
        return
      case '<u':
        this.#keyboard = Math.max(0, this.#keyboard - (numbers[0] || 1))
        return
      case '>m':
        this.#otherKeys = numbers[0] === 4 && (numbers[1] ?? 0) > 0
        return
      case ' q':
        this.#cursor = (numbers[0] ?? 0) > 0
        return
      case 'r':
        this.#region = list !== ''
        return
      case 'm':
        this.#isColoured = isColoured(numbers)
        return
      case '!p':
        this.#reset()
    }
  }

  #mode(mode: number, isSet: boolean): void {
    if (MOMENTARY.has(mode) || !Number.isInteger(mode)) return
    const changed = ON.has(mode) ? this.#unset : this.#set
    if (isSet === ON.has(mode)) changed.delete(mode)
    else changed.add(mode)
  }

  #reset(): void {
    this.#set.clear()
    this.#unset.clear()
    this.#keyboard = 0
    this.#isColoured = false
    this.#keypad = false
    this.#otherKeys = false
    this.#cursor = false
    this.#region = false
  }
}

/**
 * Whether anything is still set after these parameters of `CSI … m`, where 0 resets everything. The numbers of a colour
 * are not parameters themselves: black is `38;5;0`. A colour written with colons is NaN.
 */
function isColoured(parameters: readonly number[]): boolean {
  let last = 0
  for (let at = 0; at < parameters.length; at++) {
    last = parameters[at]!
    if (COLOURS.has(last)) at += NUMBERS[parameters[at + 1]!] ?? 0
  }
  return last !== 0
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')

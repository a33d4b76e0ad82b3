import { stripVTControlCharacters } from 'node:util'
import { ByteRing } from '@fleetwire/protocol'

const KEPT_BYTES = 64 * 1024
const LF = 0x0a
/** How far into the kept output to search for the first line break. */
const LINE_SEARCH_BYTES = 4 * 1024

/** The end of a command's output, as plain text. */
export class OutputTail {
  readonly #ring = new ByteRing(KEPT_BYTES)

  append(bytes: Uint8Array): void {
    this.#ring.append(bytes)
  }

  /** The fields of a result that describe the output. */
  outcome(): { output: string; outputBytes: number; outputTruncated: boolean } {
    return { output: this.#text(), outputBytes: this.#ring.end, outputTruncated: this.#ring.oldest > 0 }
  }

  /** If the output was truncated, the text begins at the start of a line, or at least of a character. */
  #text(): string {
    let bytes = this.#ring.slice(this.#ring.oldest)
    if (this.#ring.oldest > 0) {
      const line = bytes.subarray(0, LINE_SEARCH_BYTES).indexOf(LF)
      bytes = bytes.subarray(line < 0 ? bytes.findIndex(byte => (byte & 0xc0) !== 0x80) : line + 1)
    }
    return stripVTControlCharacters(new TextDecoder().decode(bytes)).replace(/\r+\n/g, '\n')
  }
}

/** A block that grows beyond this is cut where it is, so that no flush draws more than this. */
const LONGEST_TAIL = 16 * 1024

/**
 * Cuts a text that only grows into blocks of Markdown, at blank lines outside fences. Each `push` reads only what is
 * new. Blocks never change once they are cut; what follows them is the tail.
 */
export class TextBlocks {
  #blocks: string[] = []
  #text = ''
  /** Where the tail begins. */
  #from = 0
  /** Up to here, lines were read; it is the beginning of a line. */
  #read = 0
  /** Where the tail is cut if the next line begins something new. */
  #cutAt: number | undefined
  /** The line that opened the fence that the end of the text is in. */
  #fence: string | undefined
  #fenceFrom = 0
  #codeFrom = 0
  /** The tail continues a fence that was too long for one block. */
  #reopened = ''

  /** Grows in place. */
  get blocks(): readonly string[] {
    return this.#blocks
  }

  /** What follows the blocks, as Markdown of its own. */
  get tail(): string {
    return this.#reopened + this.#text.slice(this.#from)
  }

  /** The tail, if it ends inside a fence: what stands before it, and the code so far. */
  get openCode(): { before: string; code: string } | undefined {
    if (this.#fence === undefined) return undefined
    const from = Math.max(this.#from, this.#codeFrom)
    const before = this.#reopened === '' ? this.#text.slice(this.#from, this.#fenceFrom) : ''
    return { before, code: this.#text.slice(from) }
  }

  /** Takes the whole text so far. A text that does not continue the one before begins anew. */
  push(text: string): this {
    if (text.length === this.#text.length && text === this.#text) return this
    if (!continues(text, this.#text)) this.#reset()
    this.#text = text
    for (;;) {
      const end = text.indexOf('\n', this.#read)
      if (end === -1) break
      this.#line(text.slice(this.#read, end), end + 1)
    }
    this.#peek(text.slice(this.#read, this.#read + 80))
    this.#bound()
    return this
  }

  #reset(): void {
    this.#blocks = []
    this.#from = 0
    this.#read = 0
    this.#cutAt = undefined
    this.#fence = undefined
    this.#reopened = ''
  }

  #line(line: string, next: number): void {
    if (this.#fence !== undefined) {
      if (closes(line, this.#fence)) this.#fence = undefined
    } else if (line.trim() === '') {
      if (this.#cutAt !== undefined || this.#text.slice(this.#from, this.#read).trim() !== '') this.#cutAt = next
    } else {
      this.#peek(line)
      if (/^ {0,3}(`{3,}|~{3,})/.test(line)) {
        this.#fence = line.trim()
        this.#fenceFrom = this.#read
        this.#codeFrom = next
      }
    }
    this.#read = next
    if (next - this.#from > LONGEST_TAIL && (this.#cutAt === undefined || this.#fence !== undefined))
      this.#cutLong(next)
  }

  /** What follows a blank line: an indented line still belongs to what is before it. */
  #peek(line: string): void {
    if (this.#cutAt === undefined || line.trim() === '') return
    if (/^\s/.test(line) && this.#read - this.#from < LONGEST_TAIL) this.#cutAt = undefined
    else this.#cut(this.#cutAt)
  }

  #cut(at: number): void {
    const block = this.#reopened + this.#text.slice(this.#from, at).trimEnd()
    // A copy: engines let a part of a string keep the whole, and each flush brings another whole.
    if (block.trim() !== '') this.#blocks.push(structuredClone(block))
    this.#reopened = ''
    this.#from = at
    this.#cutAt = undefined
  }

  #cutLong(at: number): void {
    const fence = this.#fence
    this.#cut(at)
    if (fence === undefined) return
    const last = this.#blocks.length - 1
    this.#blocks[last] += `\n${/^(`+|~+)/.exec(fence)![0]}`
    this.#reopened = `${fence}\n`
  }

  /** A line without an end. */
  #bound(): void {
    while (this.#text.length - this.#from > 2 * LONGEST_TAIL) {
      const to = this.#from + LONGEST_TAIL
      const space = this.#text.lastIndexOf(' ', to)
      const at = space > this.#from ? space + 1 : to
      this.#cutLong(at)
      this.#read = Math.max(this.#read, at)
    }
  }
}

/** Compares only the seam: the end of a long text must not cost its length. */
function continues(text: string, before: string): boolean {
  if (text.length < before.length) return false
  const seam = Math.max(0, before.length - 64)
  return text.slice(seam, before.length) === before.slice(seam)
}

function closes(line: string, fence: string): boolean {
  const mark = /^(`+|~+)/.exec(fence)![0]
  const text = line.trim()
  return text.length >= mark.length && text.split('').every(char => char === mark[0])
}

/** A longer tail is cut even inside a block, to bound what one flush draws. */
const LONGEST_TAIL = 16 * 1024

/**
 * Cuts an append-only text into blocks of Markdown, at blank lines outside fences. Each `push` reads only the new part.
 * Blocks never change once they are cut; the rest after them is the tail.
 */
export class TextBlocks {
  #blocks: string[] = []
  #text = ''
  /** Where the tail begins. */
  #from = 0
  /** Lines are read up to here; always the beginning of a line. */
  #read = 0
  /** Where to cut the tail if the next line begins a new block. */
  #cutAt: number | undefined
  /** The line that opened the fence in which the text currently ends. */
  #fence: string | undefined
  #fenceFrom = 0
  #codeFrom = 0
  /** Reopens, in the tail, a fence that was too long for one block. */
  #reopened = ''

  /** Grows in place. */
  get blocks(): readonly string[] {
    return this.#blocks
  }

  /** The rest after the blocks, as self-contained Markdown. */
  get tail(): string {
    return this.#reopened + this.#text.slice(this.#from)
  }

  /** If the tail ends inside a fence: the text before the fence, and the code so far. */
  get openCode(): { before: string; code: string } | undefined {
    if (this.#fence === undefined) return undefined
    const from = Math.max(this.#from, this.#codeFrom)
    const before = this.#reopened === '' ? this.#text.slice(this.#from, this.#fenceFrom) : ''
    return { before, code: this.#text.slice(from) }
  }

  /** Takes the whole text so far. A text that does not continue the previous one starts over. */
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

  /** Looks at the line after a blank one: if it is indented, it still belongs to the block before. */
  #peek(line: string): void {
    if (this.#cutAt === undefined || line.trim() === '') return
    if (/^\s/.test(line) && this.#read - this.#from < LONGEST_TAIL) this.#cutAt = undefined
    else this.#cut(this.#cutAt)
  }

  #cut(at: number): void {
    const block = this.#reopened + this.#text.slice(this.#from, at).trimEnd()
    // Copy it: a substring can keep the whole string alive, and each flush brings a new one.
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

  /** Cuts a line that never ends. */
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

/** Compares only the seam: appending to a long text must not cost its length. */
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

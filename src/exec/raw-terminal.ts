import { spawnSync } from 'node:child_process'

/**
 * The settings of the terminal that is this process's input. Node's own raw mode is none for a program's output: the
 * terminal would add a carriage return to each of its line feeds, and full-screen programs use these to move down.
 */
export class RawTerminal {
  /** The settings from before, as `stty -g` writes them; '' if this system does not tell. */
  readonly saved = stty('-g')
  #raw = ''

  get isRaw(): boolean {
    return this.#raw !== ''
  }

  /** The raw settings in the same form; '' while it is not raw. */
  get raw(): string {
    return this.#raw
  }

  begin(): void {
    stty('raw', '-echo', '-iexten')
    this.#raw = stty('-g')
  }

  end(): void {
    this.#raw = ''
    stty(this.saved || 'sane')
  }
}

function stty(...args: string[]): string {
  const { stdout } = spawnSync('stty', args, { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' })
  return stdout?.trim() ?? ''
}

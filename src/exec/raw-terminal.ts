import { spawnSync } from 'node:child_process'

/**
 * The settings of the terminal on this process's stdin. Node's raw mode still processes output: the terminal would add
 * a carriage return to each line feed, which full-screen programs use to move down.
 */
export class RawTerminal {
  /** The original settings as printed by `stty -g`; '' if they could not be read. */
  readonly saved = stty('-g')
  #raw = ''

  get isRaw(): boolean {
    return this.#raw !== ''
  }

  /** The raw settings in the same form; '' while the terminal is not raw. */
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

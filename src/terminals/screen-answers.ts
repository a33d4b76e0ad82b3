import type { Terminal } from '@xterm/headless'

const DARK = '\x1b[?997;1n'
const FOREGROUND = 'rgb:e5e5/e5e5/e5e5'
const BACKGROUND = 'rgb:0000/0000/0000'
const BASE = ['000000', 'cd0000', '00cd00', 'cdcd00', '0000ee', 'cd00cd', '00cdcd', 'e5e5e5']
const BRIGHT = ['7f7f7f', 'ff0000', '00ff00', 'ffff00', '5c5cff', 'ff00ff', '00ffff', 'ffffff']
const DYNAMIC: Record<number, string> = { 10: FOREGROUND, 11: BACKGROUND, 12: FOREGROUND }

/**
 * Answers the queries that a program sends to its terminal. xterm itself reports its type, the cursor position and the
 * modes (DA, DSR, DECRQM, DECRQSS). This adds the answers that need a window, which a server does not have. No answer
 * contains text that the program chose, so that no output can make a shell run a command.
 */
export function registerAnswers(terminal: Terminal, answer: (data: string) => void): void {
  const { parser } = terminal
  terminal.onData(answer)
  const say = (data: string) => {
    answer(data)
    return true
  }
  parser.registerCsiHandler({ prefix: '>', final: 'q' }, params => params[0] === 0 && say('\x1bP>|fleetwire\x1b\\'))
  // Keyboard flags are always reported as off, since each viewer types with its own terminal.
  parser.registerCsiHandler({ prefix: '?', final: 'u' }, () => say('\x1b[?0u'))
  parser.registerCsiHandler({ prefix: '=', final: 'c' }, params => params[0] === 0 && say('\x1bP!|00000000\x1b\\'))
  parser.registerCsiHandler({ prefix: '?', final: 'n' }, params => params[0] === 996 && say(DARK))
  for (const [id, color] of Object.entries(DYNAMIC)) {
    parser.registerOscHandler(Number(id), data => {
      // A list addresses this colour and the ones after it.
      const colors = data.split(';').map((value, i) => (value === '?' ? DYNAMIC[Number(id) + i] : undefined))
      const answers = colors.map((known, i) => known && `\x1b]${Number(id) + i};${known}\x1b\\`)
      return colors[0] === color ? say(answers.filter(Boolean).join('')) : true
    })
  }
  parser.registerOscHandler(4, data => {
    const fields = data.split(';')
    const answers = fields.map((value, i) => {
      const index = Number(fields[i - 1])
      const isAsked = i % 2 === 1 && value === '?' && Number.isInteger(index) && index >= 0 && index < 256
      return isAsked ? `\x1b]4;${index};${palette(index)}\x1b\\` : ''
    })
    return say(answers.slice(0, 512).join(''))
  })
}

/** The colours of xterm: 16, a cube of 6 × 6 × 6, 24 greys. */
function palette(index: number): string {
  if (index < 16) return spec((BASE.concat(BRIGHT)[index] ?? '').match(/../g) ?? [])
  if (index >= 232) return spec(Array(3).fill(hex(8 + (index - 232) * 10)))
  const step = (value: number) => hex(value === 0 ? 0 : 55 + value * 40)
  const at = index - 16
  return spec([step(Math.floor(at / 36)), step(Math.floor(at / 6) % 6), step(at % 6)])
}

const hex = (value: number): string => value.toString(16).padStart(2, '0')
const spec = (parts: string[]): string => `rgb:${parts.map(part => part + part).join('/')}`

import { Command } from 'commander'
import { RawTerminal } from '../exec/raw-terminal.ts'
import { CliError } from './cli-error.ts'
import { withDashboard } from './live.ts'
import { safeLine, safeLines } from './safe-text.ts'
import { resolveTarget } from './target.ts'

/** Ctrl-], as in telnet: programs rarely use it. */
const DETACH = '\u001d'
/** Resets what the program may have set: alternate screen, hidden cursor, mouse, bracketed paste, keys, colours. */
const MODES =
  '\u001b[?1049l\u001b[?25h\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?1006l\u001b[?2004l\u001b[?1l\u001b>\u001b[0m'
/** Resets what affects the placement of text: scroll region, origin, line wrap, insert mode, line drawing. */
const PLACES = '\u001b[r\u001b[?6l\u001b[?7h\u001b[4l\u001b(B\u000f'
/** Resets the modes and the keyboard protocol. */
const RESET = `${MODES}\u001b[<u\r\n`
/** Around a snapshot, which assumes an empty terminal. Terminals with synchronized output do not show the steps. */
const [BEGIN, END] = [`\u001b[?2026h${MODES}${PLACES}\u001b[2J\u001b[H`, '\u001b[?2026l']
/** While a window is being resized, it goes through many sizes. */
const REDRAW_MS = 100
const SIGNALS = { SIGTERM: 143, SIGHUP: 129, SIGINT: 130 } as const

export const attachCommand = new Command('attach')
  .argument('<agentId>', 'see fleetwire ps')
  .argument(
    '[terminalId]',
    'the id of the command that it belongs to (default: the newest, and the next one when it starts)',
  )
  .action(async (agentId: string, terminalId: string | undefined) => {
    const { stdin, stdout } = process
    if (!stdin.isTTY || !stdout.isTTY)
      throw new CliError(
        'usage',
        'attach needs a terminal for its input and output; in a pipe use: fleetwire send --wait',
      )
    const target = await resolveTarget()
    const settings = new RawTerminal()
    const restore = () => {
      if (!settings.isRaw) return
      settings.end()
      stdout.write(RESET)
    }
    // However this process ends, even by a fault, the user gets the terminal back.
    process.on('exit', restore)
    for (const [signal, code] of Object.entries(SIGNALS)) process.once(signal, () => process.exit(code))
    settings.begin()
    try {
      const told = await withDashboard(target, {
        use: dashboard =>
          new Promise<string>((resolve, reject) => {
            const note = (text: string) => void process.stderr.write(`\r\nfleetwire: ${safeLine(text)}\r\n`)
            const terminal = dashboard.openTerminal({
              agentId,
              ...(terminalId !== undefined && { terminalId }),
              answers: true,
              onSnapshot: ({ screen }) => {
                stdout.write(BEGIN + screen + END)
                fit()
              },
              onOutput: bytes => new Promise(drawn => stdout.write(bytes, () => drawn())),
              onResize: () => redraw(),
              onExit: () => {
                if (terminalId !== undefined) resolve('the terminal has ended')
              },
              onError: error => reject(new CliError(error.code === 'forbidden' ? 'denied' : 'failed', error.message)),
            })
            // The first viewer that sets the size controls it; requests of other viewers do not change it.
            const fit = () => void terminal.resize(stdout.columns, stdout.rows)
            // Output drawn for a terminal of another size appears in the wrong places, and a resize moves what is
            // already on the screen.
            let redrawing: NodeJS.Timeout | undefined
            const redraw = () => {
              clearTimeout(redrawing)
              redrawing = setTimeout(() => terminal.refresh(), REDRAW_MS)
            }
            let isReadOnly = false
            stdin.setEncoding('utf8').on('data', (keys: string) => {
              const [typed = ''] = keys.split(DETACH, 1)
              if (typed !== '' && !isReadOnly)
                void terminal.input(typed).then(answer => {
                  if (answer.ok) return
                  if (answer.error.code === 'forbidden') isReadOnly = true
                  note(isReadOnly ? 'read only: this token may not type. Ctrl-] leaves.' : answer.error.message)
                })
              if (keys.includes(DETACH)) resolve('detached; the program continues')
            })
            stdout.on('resize', () => {
              fit()
              redraw()
            })
          }),
      })
      restore()
      process.stderr.write(`fleetwire: ${safeLines(told)}\n`)
    } finally {
      restore()
      stdin.destroy()
    }
  })

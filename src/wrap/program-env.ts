/** The Fleetwire variables that the program may see. All others may contain secrets of the agent. */
const SHOWN = new Set(['FLEETWIRE_URL'])

/** These describe the size of the agent's terminal, which soon differs from that of the program's terminal. */
const SIZES = new Set(['COLUMNS', 'LINES', 'TERMCAP'])

/** These describe the agent's terminal or service, which the program does not have if there is no local terminal. */
const OUTER = new Set([
  ...['TMUX', 'TMUX_PANE', 'STY', 'WINDOW', 'WINDOWID', 'NO_COLOR', 'COLORTERM'],
  ...['TERM_PROGRAM', 'TERM_PROGRAM_VERSION', 'VTE_VERSION', 'KITTY_WINDOW_ID', 'ITERM_SESSION_ID', 'WT_SESSION'],
  ...['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'],
])
const HIDDEN = new Set(['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'CREDENTIALS_DIRECTORY'])

/**
 * The environment of the program: the agent's, as if the program had been started directly. `report`: the address at
 * which the program can report to this agent.
 */
export function programEnv(
  env: Record<string, string | undefined>,
  { isLocal, report }: { isLocal: boolean; report?: string | undefined },
): Record<string, string> {
  const isKept = (name: string) =>
    /^FLEETWIRE_/i.test(name) ? SHOWN.has(name) : !HIDDEN.has(name) && !SIZES.has(name) && (isLocal || !OUTER.has(name))
  const kept = Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined && isKept(pair[0]))
  const terminal: Record<string, string> = isLocal && env.TERM ? {} : { TERM: 'xterm-256color', COLORTERM: 'truecolor' }
  return { ...Object.fromEntries(kept), ...terminal, ...(report !== undefined && { FLEETWIRE_REPORT: report }) }
}

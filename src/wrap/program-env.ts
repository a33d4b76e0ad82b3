/** The Fleetwire variables that the program may see; all others may hold secrets of the agent. */
const SHOWN = new Set(['FLEETWIRE_URL'])

/** They describe the terminal that the agent was started on, whose size is not this one's for long. */
const SIZES = new Set(['COLUMNS', 'LINES', 'TERMCAP'])

/** Without that terminal, these describe nothing either. */
const OUTER = new Set([
  ...['TMUX', 'TMUX_PANE', 'STY', 'WINDOW', 'WINDOWID', 'NO_COLOR', 'COLORTERM'],
  ...['TERM_PROGRAM', 'TERM_PROGRAM_VERSION', 'VTE_VERSION', 'KITTY_WINDOW_ID', 'ITERM_SESSION_ID', 'WT_SESSION'],
  ...['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'],
])
const HIDDEN = new Set(['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'CREDENTIALS_DIRECTORY'])

/**
 * The environment of the program: that of the agent, as if it had been started directly. `report`: where it can report
 * to this agent.
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

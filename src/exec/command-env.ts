import { fileURLToPath } from 'node:url'

/**
 * The Fleetwire variables that commands may see. All others with that prefix are hidden, including secrets that later
 * versions may read from the environment.
 */
const SHOWN = new Set(['FLEETWIRE_URL'])

/** Variables that describe the terminal, session or service in which the agent itself was started. */
const HIDDEN = new Set([
  ...['TMUX', 'TMUX_PANE', 'STY', 'WINDOW', 'WINDOWID', 'TERMCAP', 'COLUMNS', 'LINES'],
  ...['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'],
  ...['CREDENTIALS_DIRECTORY', 'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE'],
])

/**
 * There may be nobody to quit a pager or answer a prompt. These make programs print directly, or fail at once instead
 * of prompting. The agent's own environment overrides each of them.
 */
const UNATTENDED = {
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  MANPAGER: 'cat',
  SYSTEMD_PAGER: 'cat',
  GH_PAGER: 'cat',
  AWS_PAGER: 'cat',
  GIT_TERMINAL_PROMPT: '0',
  GH_PROMPT_DISABLED: '1',
}

/** In git's lookup order. Defaults are set only if the user set none of these, so that they never take precedence. */
const EDITORS = ['GIT_EDITOR', 'VISUAL', 'EDITOR']
const NO_EDITOR = fileURLToPath(new URL('../../../bin/no-editor', import.meta.url))

type Env = Record<string, string | undefined>

/** The environment of commands, derived from the agent's. */
export function commandEnv(env: Env): Record<string, string> {
  const kept = Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined && isShown(pair[0]))
  const editors = EDITORS.some(name => env[name] !== undefined) ? [] : EDITORS.map(name => [name, quoted(NO_EDITOR)])
  return { ...UNATTENDED, ...Object.fromEntries(editors), ...Object.fromEntries(kept), TERM: 'xterm-256color' }
}

const isShown = (name: string) => (/^FLEETWIRE_/i.test(name) ? SHOWN.has(name) : !HIDDEN.has(name))

/** Not only shells run the editor, but also programs that do not understand quotes. So it is quoted only if needed. */
const quoted = (path: string) => (/^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

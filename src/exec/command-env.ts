import { fileURLToPath } from 'node:url'

/**
 * Of the names that are Fleetwire's own, what commands may see. Everything else of that prefix is hidden, so that a
 * secret that a later version takes from the environment is hidden too.
 */
const SHOWN = new Set(['FLEETWIRE_URL'])

/** What describes the terminal, the session or the service that the agent itself was started in. */
const HIDDEN = new Set([
  ...['TMUX', 'TMUX_PANE', 'STY', 'WINDOW', 'WINDOWID', 'TERMCAP', 'COLUMNS', 'LINES'],
  ...['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'],
  ...['CREDENTIALS_DIRECTORY', 'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE'],
])

/**
 * Nobody may be there to leave a pager, or to answer: programs print, or say at once that they would have to ask. Each
 * stands unless the agent's own environment sets it.
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

/** In the order in which git asks for them: one that is set must not be overruled by one that is not. */
const EDITORS = ['GIT_EDITOR', 'VISUAL', 'EDITOR']
const NO_EDITOR = fileURLToPath(new URL('../../../bin/no-editor', import.meta.url))

type Env = Record<string, string | undefined>

/** The environment of commands, from that of their agent. */
export function commandEnv(env: Env): Record<string, string> {
  const kept = Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined && isShown(pair[0]))
  const editors = EDITORS.some(name => env[name] !== undefined) ? [] : EDITORS.map(name => [name, quoted(NO_EDITOR)])
  return { ...UNATTENDED, ...Object.fromEntries(editors), ...Object.fromEntries(kept), TERM: 'xterm-256color' }
}

const isShown = (name: string) => (/^FLEETWIRE_/i.test(name) ? SHOWN.has(name) : !HIDDEN.has(name))

/** It is run by shells, and by programs that know no quotes: those need a path without blanks. */
const quoted = (path: string) => (/^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

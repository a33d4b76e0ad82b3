import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { until } from './until.ts'

const run = promisify(execFile)

export interface Size {
  cols: number
  rows: number
}

/** A tmux window: a real terminal whose screen can be read. */
export interface Pane {
  /** The text on the screen, without trailing blanks. */
  screen(): Promise<string>
  /** The screen with colours and attributes. */
  coloured(): Promise<string>
  /** Presses keys, by their tmux names: `Enter`, `C-z`, `Escape`. */
  press(...keys: string[]): Promise<void>
  type(text: string): Promise<void>
  resize(size: Size): Promise<void>
  shows(pattern: RegExp): Promise<string>
  /** The process started in the window. */
  pid(): Promise<number>
  close(): Promise<void>
}

let servers = 0

/** A separate tmux server. It ends with the test, together with everything started in it. */
export function tmux(t: Test) {
  const name = `fleetwire-${process.pid}-${++servers}`
  const tmux = async (...args: string[]) => (await run('tmux', ['-L', name, '-f', '/dev/null', ...args])).stdout
  t.teardown(async () => {
    const pids = (await tmux('list-panes', '-a', '-F', '#{pane_pid}').catch(() => '')).split('\n').filter(Boolean)
    await tmux('kill-server').catch(() => {})
    for (const pid of pids) await until(() => !isAlive(Number(pid)))
  })
  let panes = 0
  return {
    async open(command: string[], { cols, rows }: Size, env: Record<string, string> = {}): Promise<Pane> {
      const pane = `p${++panes}`
      const set = Object.entries(env).map(([key, value]) => `${key}=${value}`)
      const at = ['-d', '-s', pane, '-x', String(cols), '-y', String(rows)]
      await tmux(
        'start-server',
        ';',
        'set',
        '-g',
        'status',
        'off',
        ';',
        'new-session',
        ...at,
        '--',
        'env',
        ...set,
        ...command,
      )
      const capture = (...how: string[]) => tmux('capture-pane', '-p', ...how, '-t', pane)
      const screen = async () => (await capture()).replace(/[ \t]+$/gm, '').replace(/\n+$/, '')
      return {
        screen,
        coloured: () => capture('-e'),
        press: async (...keys) => void (await tmux('send-keys', '-t', pane, ...keys)),
        type: async text => void (await tmux('send-keys', '-t', pane, '-l', text)),
        resize: async size =>
          void (await tmux('resize-window', '-t', pane, '-x', String(size.cols), '-y', String(size.rows))),
        shows: pattern =>
          until(async () => {
            const text = await screen()
            return pattern.test(text) && text
          }),
        pid: async () => Number(await tmux('display-message', '-p', '-t', pane, '#{pane_pid}')),
        close: async () => void (await tmux('kill-session', '-t', pane).catch(() => {})),
      }
    },
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

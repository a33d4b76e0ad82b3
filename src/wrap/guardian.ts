import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Reads lines from the agent until it ends. Each line has the control sequences that undo what the program has set on
 * the local terminal; `done` means that there is nothing left to do. An agent that was killed sends no `done`. Then the
 * program gets SIGHUP, then SIGKILL if it survives, and the local terminal is restored unless a shell has done so.
 *
 * The program's terminal hangs up by itself, but a program may ignore that and try to read from it forever.
 */
const GUARD = `leader=$1 tty=$2 saved=$3 raw=$4
trap '' HUP INT QUIT TERM TSTP
undo=
while IFS= read -r line; do
  [ "$line" = done ] && exit
  undo=$line
done
each () {
  if [ -d /proc/1 ]; then
    for stat in /proc/[0-9]*/stat; do
      { IFS= read -r line <"$stat"; } 2>/dev/null || continue
      pid=\${line%% *}
      set -- \${line##*) }
      [ "$4" = "$leader" ] && kill "-$signal" "$pid" 2>/dev/null
    done
  else
    kill "-$signal" -- "-$leader" 2>/dev/null
  fi
}
signal=HUP; each
signal=CONT; each
if [ -n "$tty" ]; then
  sleep 0.2 2>/dev/null || sleep 1
  [ "$(stty -g <"$tty")" = "$raw" ] && stty "$saved" <"$tty"
  printf %s "$undo" >"$tty"
fi 2>/dev/null
sleep 2
signal=KILL; each; each`

export interface GuardedTerminal {
  path: string
  /** The original and the raw settings, as printed by `stty -g`. */
  saved: string
  raw: string
}

/** A process that outlives this one and cleans up if this one is killed. */
export class Guardian {
  readonly #child: ChildProcess
  #said = ''

  constructor(leader: number, terminal?: GuardedTerminal) {
    const { path = '', saved = '', raw = '' } = terminal ?? {}
    const args = ['-c', GUARD, 'fleetwire-guard', String(leader), path, saved, raw]
    // In its own session, so that signals sent to all processes of our session do not reach it.
    this.#child = spawn('/bin/sh', args, { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' })
    this.#child.on('error', () => {})
    this.#child.stdin?.on('error', () => {})
    this.#child.unref()
  }

  /** Sets the control sequences that undo what is currently set on the terminal. */
  undo(sequence: string): void {
    if (sequence === this.#said) return
    this.#said = sequence
    this.#child.stdin?.write(`${sequence}\n`)
  }

  /** Ends the guardian: there is nothing left to clean up. */
  end(): void {
    this.#child.stdin?.end('done\n')
  }
}

import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Reads lines from the agent until it ends: each says how to undo what the program has set on the local terminal, `done`
 * that there is nothing more to do. An agent that was killed says nothing: then the program is hung up, and killed if
 * it goes on, and the terminal is given back, unless a shell has done that already.
 *
 * The terminal of the program hangs up by itself, but a program may ignore that, and would read from nothing for ever.
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
  /** Its settings before and since, as `stty -g` writes them. */
  saved: string
  raw: string
}

/** A process that outlives this one to clean up after it, should it be killed. */
export class Guardian {
  readonly #child: ChildProcess
  #said = ''

  constructor(leader: number, terminal?: GuardedTerminal) {
    const { path = '', saved = '', raw = '' } = terminal ?? {}
    const args = ['-c', GUARD, 'fleetwire-guard', String(leader), path, saved, raw]
    // A session of its own: what is sent to ours, to the last process of it, does not reach it.
    this.#child = spawn('/bin/sh', args, { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' })
    this.#child.on('error', () => {})
    this.#child.stdin?.on('error', () => {})
    this.#child.unref()
  }

  /** What has to be written to the terminal to undo what is set on it now. */
  undo(sequence: string): void {
    if (sequence === this.#said) return
    this.#said = sequence
    this.#child.stdin?.write(`${sequence}\n`)
  }

  /** There is nothing left to guard. */
  end(): void {
    this.#child.stdin?.end('done\n')
  }
}

/**
 * A session must not end with its shell: when the leader of a session exits, the kernel hangs up the foreground group,
 * and with it a `setsid program &` that has not left the session yet. So a small shell leads the session. It runs the
 * command in a foreground group of its own, takes the foreground back when the command ends, and exits; no other
 * process is signalled. SessionStop then decides which processes may stay.
 *
 * The small shell survives the signals that are meant for the command, prints nothing, and continues a command that was
 * stopped, since nobody could type `fg`.
 */
const LEADER = `set -m
trap : INT QUIT TERM HUP
trap '' TSTP
exec 3>&2 2>/dev/null
"$@" 2>&3 3>&-
status=$?
while jobs %1 >/dev/null; do fg %1 >/dev/null; status=$?; done
exit $status`

/** The arguments that run a program as the command of such a session. */
export const asCommandOfSession = (file: string, args: readonly string[]): { file: string; args: string[] } => ({
  file: '/bin/sh',
  args: ['-c', LEADER, 'fleetwire', file, ...args],
})

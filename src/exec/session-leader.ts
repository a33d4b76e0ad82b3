/**
 * The command's shell must not lead the session: when the leader exits, the kernel sends SIGHUP to the foreground
 * group, which would hit a `setsid program &` that has not left the session yet. So a small shell leads the session. It
 * runs the command in a separate foreground group, takes the foreground back when the command ends, and exits, so that
 * no other process is signalled. SessionStop then decides which processes may stay.
 *
 * The small shell survives signals meant for the command, prints nothing, and continues a stopped command, since nobody
 * could type `fg`.
 */
const LEADER = `set -m
trap : INT QUIT TERM HUP
trap '' TSTP
exec 3>&2 2>/dev/null
"$@" 2>&3 3>&-
status=$?
while jobs %1 >/dev/null; do fg %1 >/dev/null; status=$?; done
exit $status`

/** The file and arguments that run a program as the command of such a session. */
export const asCommandOfSession = (file: string, args: readonly string[]): { file: string; args: string[] } => ({
  file: '/bin/sh',
  args: ['-c', LEADER, 'fleetwire', file, ...args],
})

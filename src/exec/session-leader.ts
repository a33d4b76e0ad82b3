/**
 * A session of its own would end with its shell: when the leader of a session exits, the kernel hangs up the group in the
 * foreground, and with it `setsid program &` that has not yet come to leave. So a small shell leads the session, gives
 * the command a group of its own in the foreground, takes the foreground back when that ends, and then exits: nobody else
 * hears of it. Who may stay and who is to end is then decided here (SessionStop).
 *
 * It outlives the signals that are meant for the command, says nothing of its own, and sets a command going again that
 * was stopped: nobody could type `fg`.
 */
const LEADER = `set -m
trap : INT QUIT TERM HUP
trap '' TSTP
exec 3>&2 2>/dev/null
"$@" 2>&3 3>&-
status=$?
while jobs %1 >/dev/null; do fg %1 >/dev/null; status=$?; done
exit $status`

/** What to run so that the program runs as the command of a session. */
export const asCommandOfSession = (file: string, args: readonly string[]): { file: string; args: string[] } => ({
  file: '/bin/sh',
  args: ['-c', LEADER, 'fleetwire', file, ...args],
})
